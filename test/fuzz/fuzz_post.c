/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine under a stranger's control may send to the supervisor, up to the question whether that program may be
 * run. What is accepted is encoded again and must come back the same. */
#include "agent/conf/command.h"
#include "agent/process/post.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user, (void)level, (void)where, (void)text;
}

static const struct conf *configuration(void)
{
	static const char text[] =
		"vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n"
		" virtual_ipaddress {\n 192.0.2.1\n }\n notify_master \"/bin/m -a\"\n notify /bin/n\n}\n";
	static struct conf *c;

	if (!c && conf_load_text("x.conf", text, strlen(text), false, NULL, ignore, NULL, &c) < 0)
		abort();
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[POST_MAX];
	const struct conf_command *c;
	const char *what = NULL;
	struct post p, again;
	size_t len;

	if (size > sizeof(buf) || post_decode(data, size, &p))
		return 0;
	len = post_encode(&p, buf, sizeof(buf));
	assert(len == size && memcmp(buf, data, size) == 0);
	assert(!post_decode(buf, len, &again));
	c = conf_allows(configuration(), p.uid, p.gid, p.words, p.n_words, &what);
	if (c)
		assert(what && p.n_words > 0 && p.words[0][0] == '/');
	return 0;
}
