// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: which channel has which address, and how an address moves to another. */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/vm_sockets.h>

static void ne_route_test_close(void *chan)
{
	ne_vsock_route_detach(chan);
	ne_vsock_chan_put(chan);
}

/* Do what opening the node does; the channel is closed at the end of the test. */
static struct ne_vsock_chan *ne_route_test_open(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_vsock_chan_create();

	KUNIT_ASSERT_NOT_NULL(test, chan);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_route_test_close, chan), 0);
	return chan;
}

static struct ne_vsock_chan *ne_route_test_attach(struct kunit *test, u32 cid, bool console)
{
	struct ne_vsock_chan *chan = ne_route_test_open(test);

	KUNIT_ASSERT_EQ(test, ne_vsock_route_attach(chan, cid, console), 0);
	return chan;
}

/* The result may only be compared: the channel may be freed at any time. */
static struct ne_vsock_chan *ne_route_test_find(u64 cid, u32 port)
{
	struct ne_vsock_chan *chan;

	rcu_read_lock();
	chan = ne_vsock_route_find(cid, port);
	rcu_read_unlock();
	return chan;
}

enum ne_route_test_chan {
	CHAN_GUEST_4,
	CHAN_GUEST_16,
	CHAN_GUEST_LAST,
	CHAN_CONSOLE_4,
	CHAN_CONSOLE_16,
	CHAN_CONSOLE_LAST,
	CHAN_NONE,
};

struct ne_route_case {
	const char *name;
	u64 cid;
	u32 port;
	enum ne_route_test_chan found;
};

static const struct ne_route_case ne_route_cases[] = {
	{ "guest", 16, 1, CHAN_GUEST_16 },
	{ "guest, any port", 16, 0xffffffff, CHAN_GUEST_16 },
	{ "guest, port 10016", 16, 10016, CHAN_GUEST_16 },
	{ "lowest guest", 4, 9000, CHAN_GUEST_4 },
	{ "highest guest", 0xfffffffe, 9000, CHAN_GUEST_LAST },
	{ "no such guest", 17, 9000, CHAN_NONE },
	{ "any", VMADDR_CID_ANY, 9000, CHAN_NONE },
	{ "local", VMADDR_CID_LOCAL, 9000, CHAN_NONE },
	{ "host", VMADDR_CID_HOST, 9000, CHAN_NONE },
	{ "parent", 3, 9000, CHAN_NONE },
	{ "guest beyond 32 bits", (1ULL << 32) + 16, 9000, CHAN_NONE },
	{ "hypervisor beyond 32 bits", 1ULL << 32, 10016, CHAN_NONE },
	{ "all ones", U64_MAX, 9000, CHAN_NONE },
	{ "console", 0, 10016, CHAN_CONSOLE_16 },
	{ "lowest console", 0, 10004, CHAN_CONSOLE_4 },
	{ "highest console, wrapped", 0, 9998, CHAN_CONSOLE_LAST },
	{ "no such console", 0, 10017, CHAN_NONE },
	{ "console base", 0, 10000, CHAN_NONE },
	{ "hypervisor, other port", 0, 9000, CHAN_NONE },
	{ "hypervisor, port of a CID", 0, 16, CHAN_NONE },
	{ "hypervisor, port 0", 0, 0, CHAN_NONE },
};

KUNIT_ARRAY_PARAM_DESC(ne_route, ne_route_cases, name);

static void ne_route_test_table(struct kunit *test)
{
	const struct ne_route_case *param = test->param_value;
	struct ne_vsock_chan *chans[] = {
		[CHAN_GUEST_4] = ne_route_test_attach(test, 4, false),
		[CHAN_GUEST_16] = ne_route_test_attach(test, 16, false),
		[CHAN_GUEST_LAST] = ne_route_test_attach(test, 0xfffffffe, false),
		[CHAN_CONSOLE_4] = ne_route_test_attach(test, 4, true),
		[CHAN_CONSOLE_16] = ne_route_test_attach(test, 16, true),
		[CHAN_CONSOLE_LAST] = ne_route_test_attach(test, 0xfffffffe, true),
		[CHAN_NONE] = NULL,
	};

	KUNIT_EXPECT_PTR_EQ(test, ne_route_test_find(param->cid, param->port),
			    chans[param->found]);
}

/* A guest without a console, and a console without a guest. */
static void ne_route_test_console_apart(struct kunit *test)
{
	struct ne_vsock_chan *guest = ne_route_test_attach(test, 16, false);
	struct ne_vsock_chan *console;

	KUNIT_EXPECT_NULL(test, ne_route_test_find(0, 10016));
	console = ne_route_test_attach(test, 16, true);
	ne_vsock_route_detach(guest);
	KUNIT_EXPECT_NULL(test, ne_route_test_find(16, 1));
	KUNIT_EXPECT_PTR_EQ(test, ne_route_test_find(0, 10016), console);
}

static void ne_route_test_attach_once(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_route_test_attach(test, 16, false);

	KUNIT_EXPECT_EQ(test, ne_vsock_route_attach(chan, 16, false), -EBUSY);
	KUNIT_EXPECT_EQ(test, ne_vsock_route_attach(chan, 17, false), -EBUSY);
	KUNIT_EXPECT_EQ(test, ne_vsock_route_attach(chan, 16, true), -EBUSY);
	KUNIT_EXPECT_NULL(test, ne_route_test_find(17, 1));
	KUNIT_EXPECT_PTR_EQ(test, ne_route_test_find(16, 1), chan);
}

/* The address moves; its previous channel reports that, and cannot attach again. */
static void ne_route_test_take_over(struct kunit *test)
{
	struct ne_vsock_chan *old = ne_route_test_attach(test, 16, false);
	struct ne_vsock_chan *new = ne_route_test_attach(test, 16, false);

	KUNIT_EXPECT_PTR_EQ(test, ne_route_test_find(16, 1), new);
	KUNIT_EXPECT_EQ(test, ne_vsock_chan_state(old), NE_VSOCK_GONE);
	KUNIT_EXPECT_EQ(test, ne_vsock_chan_state(new), NE_VSOCK_LIVE);
	KUNIT_EXPECT_EQ(test, ne_vsock_route_attach(old, 16, false), -EBUSY);
	KUNIT_EXPECT_EQ(test, ne_vsock_route_attach(old, 17, false), -EBUSY);

	/* The late close of the old file leaves the new one alone. */
	ne_vsock_route_detach(old);
	KUNIT_EXPECT_PTR_EQ(test, ne_route_test_find(16, 1), new);
	KUNIT_EXPECT_EQ(test, kref_read(&old->ref), 1);
}

static void ne_route_test_detach(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_route_test_attach(test, 16, false);

	ne_vsock_route_detach(chan);
	KUNIT_EXPECT_EQ(test, ne_vsock_chan_state(chan), NE_VSOCK_GONE);
	KUNIT_EXPECT_NULL(test, ne_route_test_find(16, 1));
	KUNIT_EXPECT_TRUE(test, xa_empty(&ne_vsock_guests));
	ne_vsock_route_detach(chan);

	chan = ne_route_test_attach(test, 16, false);
	KUNIT_EXPECT_PTR_EQ(test, ne_route_test_find(16, 1), chan);
}

/* A file may be closed without ever having been attached. */
static void ne_route_test_detach_new(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_vsock_chan_create();

	KUNIT_ASSERT_NOT_NULL(test, chan);
	ne_vsock_route_detach(chan);
	KUNIT_EXPECT_EQ(test, ne_vsock_chan_state(chan), NE_VSOCK_GONE);
	KUNIT_EXPECT_EQ(test, ne_vsock_route_attach(chan, 16, false), -EBUSY);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ne_vsock_guests));
	ne_vsock_chan_put(chan);
}

/* An entry whose channel is being detached is no longer found. */
static void ne_route_test_closing(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_route_test_attach(test, 16, false);

	mutex_lock(&ne_vsock_route_lock);
	KUNIT_EXPECT_TRUE(test, ne_vsock_chan_close(chan));
	mutex_unlock(&ne_vsock_route_lock);
	KUNIT_EXPECT_FALSE(test, xa_empty(&ne_vsock_guests));
	KUNIT_EXPECT_NULL(test, ne_route_test_find(16, 1));

	/* Finish what the closing task would do next. */
	xa_erase(&ne_vsock_guests, 16);
	complete_all(&chan->gone);
}

static struct kunit_case ne_route_test_cases[] = {
	KUNIT_CASE_PARAM(ne_route_test_table, ne_route_gen_params),
	KUNIT_CASE(ne_route_test_console_apart),
	KUNIT_CASE(ne_route_test_attach_once),
	KUNIT_CASE(ne_route_test_take_over),
	KUNIT_CASE(ne_route_test_detach),
	KUNIT_CASE(ne_route_test_detach_new),
	KUNIT_CASE(ne_route_test_closing),
	{}
};

static struct kunit_suite ne_route_suite = {
	.name		= "ne_emu_vsock_route",
	.test_cases	= ne_route_test_cases,
};

kunit_test_suite(ne_route_suite);
