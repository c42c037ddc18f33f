// SPDX-License-Identifier: Apache-2.0
/* Frames of the agent's protocol: what is read can be written, and is the same again. */

#include "fuzz.h"

#include "common/agent.h"

static struct agent_strings strings;
static uint8_t written[AGENT_CONTENTS_MAX];

static void read_contents(const struct agent_frame *frame)
{
	const char *first, *second;
	struct agent_entry entry;
	struct agent_exec exec;
	ssize_t len = frame->len;

	/* Each reader sees everything, whatever the frame says it is. */
	if (!agent_exec_read(frame->data, frame->len, &strings, &exec)) {
		must(exec.nr_args && exec.args[0] && !exec.args[exec.nr_args]);
		must(!exec.env[exec.nr_env]);
		must(agent_exec_write(&exec, written) == len && !memcmp(written, frame->data, len));
	}
	if (!agent_entry_read(frame->data, frame->len, &entry)) {
		must(*entry.name != '/' && strcmp(entry.name, ".."));
		must(strncmp(entry.name, "../", 3) && !strstr(entry.name, "/../"));
		must(agent_entry_write(&entry, written) == len &&
		     !memcmp(written, frame->data, len));
	}
	if (!agent_pair_read(frame->data, frame->len, &first, &second))
		must(agent_pair_write(first, second, written) == len &&
		     !memcmp(written, frame->data, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_frame frame;
	ssize_t n;

	while ((n = agent_frame_parse(data, size, &frame)) > 0) {
		must((size_t)n <= size && frame.len == (size_t)n - AGENT_HEAD_SIZE);
		read_contents(&frame);
		data += n;
		size -= n;
	}
	return 0;
}
