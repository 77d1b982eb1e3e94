/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance needs for a configuration, at its start and before each reload: made while nothing depends on it, so
 * that what cannot be had refuses the whole. To put it to use fails no more. */
#include "agent/instance/impl.h"

#include <errno.h>

int instance_next_make(struct instance *inst, const struct conf *conf, const struct conf_instance *block)
{
	struct instance_next *next = &inst->next;
	const size_t n_old = inst->conf->n_vips;

	*next = (struct instance_next){
		.conf = conf,
		.block = block,
		.advertised = calloc(block->n_advertised + 1, sizeof(*next->advertised)),
		.tracked = calloc(tracker_max(conf, &block->tracks) + 1, sizeof(*next->tracked)),
		.vips = calloc(block->n_vips + 1, sizeof(*next->vips)),
		.kept = calloc(n_old + 1, sizeof(*next->kept)),
		.dropping = calloc(n_old + block->n_vips + 1, sizeof(*next->dropping)),
	};
	if (!next->advertised || !next->tracked || !next->vips || !next->kept || !next->dropping)
		return -ENOMEM;
	return instance_auth_prepare(inst, block);
}

void instance_next_done(struct instance *inst)
{
	struct instance_next *next = &inst->next;

	instance_auth_call_off(inst);
	free(next->advertised);
	free(next->tracked);
	free(next->vips);
	free(next->kept);
	free(next->dropping);
	*next = (struct instance_next){ 0 };
}

int instance_prepare(struct instance *inst, const struct conf *conf, const struct conf_instance *block)
{
	int r = instance_next_make(inst, conf, block);

	if (r >= 0)
		r = notify_prepare(inst->notify, block);
	if (r < 0)
		instance_call_off(inst);
	return r;
}

void instance_call_off(struct instance *inst)
{
	notify_call_off(inst->notify);
	instance_next_done(inst);
}
