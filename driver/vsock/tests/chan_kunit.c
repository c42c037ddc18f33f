// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: which packets wait in a channel, in which order, and how many. */

#include <kunit/test.h>

#define LEN	100

static bool ne_chan_test_close(struct ne_vsock_chan *chan)
{
	guard(mutex)(&ne_vsock_route_lock);

	return ne_vsock_chan_close(chan);
}

static void ne_chan_test_open(struct ne_vsock_chan *chan)
{
	guard(mutex)(&ne_vsock_route_lock);

	ne_vsock_chan_open(chan, 16, false);
}

static void ne_chan_test_free(void *data)
{
	struct ne_vsock_chan *chan = data;

	ne_chan_test_close(chan);
	skb_queue_purge(&chan->queue);
	ne_vsock_chan_put(chan);
}

static struct ne_vsock_chan *ne_chan_test_new(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_vsock_chan_create();

	KUNIT_ASSERT_NOT_NULL(test, chan);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_chan_test_free, chan), 0);
	return chan;
}

static struct ne_vsock_chan *ne_chan_test_live(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_chan_test_new(test);

	ne_chan_test_open(chan);
	return chan;
}

/* A packet of the connection port -> 5005; its credit field identifies it. */
static struct sk_buff *ne_chan_test_packet(struct kunit *test, u16 op, u32 port, u32 mark,
					   size_t len)
{
	struct sk_buff *skb = virtio_vsock_alloc_skb(VIRTIO_VSOCK_SKB_HEADROOM + len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	*virtio_vsock_hdr(skb) = (struct virtio_vsock_hdr) {
		.src_cid	= cpu_to_le64(NE_EMU_CID_PARENT),
		.dst_cid	= cpu_to_le64(16),
		.src_port	= cpu_to_le32(port),
		.dst_port	= cpu_to_le32(5005),
		.len		= cpu_to_le32(len),
		.type		= cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM),
		.op		= cpu_to_le16(op),
		.fwd_cnt	= cpu_to_le32(mark),
	};
	if (len) {
		virtio_vsock_skb_put(skb, len);
		memset(skb->data, 0, len);
	}
	return skb;
}

/* Queue a packet; it is freed if that fails. */
static int ne_chan_test_queue(struct kunit *test, struct ne_vsock_chan *chan, u16 op, u32 port,
			      u32 mark, size_t len)
{
	struct sk_buff *skb = ne_chan_test_packet(test, op, port, mark, len);
	int rc;

	rc = ne_vsock_chan_queue(chan, skb);
	if (rc)
		kfree_skb(skb);
	return rc;
}

/* Read the next packet completely. Return: its mark, or -1 without a packet. */
static int ne_chan_test_read(struct ne_vsock_chan *chan)
{
	struct sk_buff *skb;
	int mark = -1;

	mutex_lock(&chan->read_lock);
	skb = ne_vsock_chan_dequeue(chan);
	if (skb) {
		mark = le32_to_cpu(virtio_vsock_hdr(skb)->fwd_cnt);
		ne_vsock_chan_done(chan, skb);
	}
	mutex_unlock(&chan->read_lock);
	return mark;
}

static void ne_chan_test_states(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_chan_test_new(test);

	KUNIT_EXPECT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, 1, 1, LEN),
			-ENOTCONN);
	ne_chan_test_open(chan);
	KUNIT_EXPECT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, 1, 2, LEN), 0);
	KUNIT_EXPECT_TRUE(test, ne_chan_test_close(chan));
	KUNIT_EXPECT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, 1, 3, LEN),
			-ENOTCONN);
	KUNIT_EXPECT_FALSE(test, ne_chan_test_close(chan));
	KUNIT_EXPECT_EQ(test, skb_queue_len(&chan->queue), 1);
}

static void ne_chan_test_order(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_chan_test_live(test);
	struct sk_buff *skb;
	u32 i;

	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), -1);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, i, i, LEN),
				0);

	/* A packet that was not read completely is the next one again. */
	mutex_lock(&chan->read_lock);
	skb = ne_vsock_chan_dequeue(chan);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	ne_vsock_chan_requeue(chan, skb);
	mutex_unlock(&chan->read_lock);

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), i);
	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), -1);
}

struct ne_chan_merge_case {
	const char *name;
	struct {
		u16 op;
		u32 port;
		size_t len;
	} packets[4];	/* marked 1, 2, ... */
	int marks[4];	/* expected by the reader, terminated by 0 */
};

#define CREDIT(port)	{ VIRTIO_VSOCK_OP_CREDIT_UPDATE, port, 0 }
#define DATA(port)	{ VIRTIO_VSOCK_OP_RW, port, LEN }
#define RESET(port)	{ VIRTIO_VSOCK_OP_RST, port, 0 }

static const struct ne_chan_merge_case ne_chan_merge_cases[] = {
	{ "credit alone", { CREDIT(1) }, { 1 } },
	{ "credit after credit", { CREDIT(1), CREDIT(1), CREDIT(1) }, { 3 } },
	{ "credit after data", { DATA(1), CREDIT(1) }, { 2 } },
	{ "credit after the last data", { DATA(1), DATA(1), CREDIT(1) }, { 1, 3 } },
	{ "credit before data", { CREDIT(1), DATA(1) }, { 1, 2 } },
	{ "credit of another port", { CREDIT(1), CREDIT(2) }, { 1, 2 } },
	{ "credit past another port", { DATA(1), DATA(2), CREDIT(1) }, { 3, 2 } },
	{ "credit after reset", { DATA(1), RESET(1), CREDIT(1) }, { 1, 2, 3 } },
	{ "data is kept apart", { DATA(1), DATA(1) }, { 1, 2 } },
};

KUNIT_ARRAY_PARAM_DESC(ne_chan_merge, ne_chan_merge_cases, name);

/* The newest credit is stored in a waiting packet, without another packet. */
static void ne_chan_test_merge(struct kunit *test)
{
	const struct ne_chan_merge_case *param = test->param_value;
	struct ne_vsock_chan *chan = ne_chan_test_live(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(param->packets) && param->packets[i].op; i++)
		KUNIT_ASSERT_EQ(test,
				ne_chan_test_queue(test, chan, param->packets[i].op,
						   param->packets[i].port, i + 1,
						   param->packets[i].len), 0);
	for (i = 0; i < ARRAY_SIZE(param->marks) && param->marks[i]; i++)
		KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), param->marks[i]);
	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), -1);
	KUNIT_EXPECT_EQ(test, chan->control, 0);
}

/* Only the last packets are searched, no matter how many wait. */
static void ne_chan_test_merge_depth(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_chan_test_live(test);
	u32 i;

	/* The last packet that is searched, then the first one beyond. */
	for (i = 0; i < NE_VSOCK_MERGE_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, i, i, LEN),
				0);
	KUNIT_ASSERT_EQ(test,
			ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 7, 0), 0);
	KUNIT_EXPECT_EQ(test, chan->control, 0);
	KUNIT_ASSERT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, i, i, LEN), 0);
	KUNIT_ASSERT_EQ(test,
			ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, chan->control, 1);

	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), 7);
	for (i = 1; i <= NE_VSOCK_MERGE_DEPTH; i++)
		KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), i);
	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), 8);
	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), -1);
}

/*
 * The number of packets without payload is limited. Payload is limited by credit, and
 * answers have their own limit.
 */
static void ne_chan_test_control_limit(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_chan_test_live(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < NE_VSOCK_MAX_CONTROL; i++)
		KUNIT_ASSERT_EQ(test,
				ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_SHUTDOWN, i, i, 0),
				0);
	KUNIT_EXPECT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_SHUTDOWN, i, i, 0),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, chan->dropped, 1);
	KUNIT_EXPECT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_RW, i, i, LEN), 0);
	skb = ne_chan_test_packet(test, VIRTIO_VSOCK_OP_RST, i, i, 0);
	virtio_vsock_skb_set_reply(skb);
	KUNIT_EXPECT_EQ(test, ne_vsock_chan_queue(chan, skb), 0);

	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), 0);
	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), 1);
	KUNIT_EXPECT_EQ(test, ne_chan_test_queue(test, chan, VIRTIO_VSOCK_OP_SHUTDOWN, i, i, 0),
			0);
	KUNIT_EXPECT_EQ(test, chan->control, NE_VSOCK_MAX_CONTROL);
}

/* Unread answers stop the writer until one of them is read. */
static void ne_chan_test_reply_limit(struct kunit *test)
{
	struct ne_vsock_chan *chan = ne_chan_test_live(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < NE_VSOCK_MAX_REPLIES; i++) {
		KUNIT_EXPECT_TRUE(test, ne_vsock_chan_may_write(chan));
		skb = ne_chan_test_packet(test, VIRTIO_VSOCK_OP_RST, i, i, 0);
		virtio_vsock_skb_set_reply(skb);
		KUNIT_ASSERT_EQ(test, ne_vsock_chan_queue(chan, skb), 0);
	}
	KUNIT_EXPECT_FALSE(test, ne_vsock_chan_may_write(chan));
	KUNIT_EXPECT_EQ(test, ne_chan_test_read(chan), 0);
	KUNIT_EXPECT_TRUE(test, ne_vsock_chan_may_write(chan));
	KUNIT_EXPECT_EQ(test, chan->replies, NE_VSOCK_MAX_REPLIES - 1);
}

static struct kunit_case ne_chan_test_cases[] = {
	KUNIT_CASE(ne_chan_test_states),
	KUNIT_CASE(ne_chan_test_order),
	KUNIT_CASE_PARAM(ne_chan_test_merge, ne_chan_merge_gen_params),
	KUNIT_CASE(ne_chan_test_merge_depth),
	KUNIT_CASE(ne_chan_test_control_limit),
	KUNIT_CASE(ne_chan_test_reply_limit),
	{}
};

static struct kunit_suite ne_chan_suite = {
	.name		= "ne_emu_vsock_chan",
	.test_cases	= ne_chan_test_cases,
};

kunit_test_suite(ne_chan_suite);
