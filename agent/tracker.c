/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the states of tracked objects. Decides nothing: weights are agent/priority's, verdicts the checks'. */
#include "agent/tracker.h"

#include "agent/base/cleanup.h"

static struct tracked with_state(struct tracked t, struct checker_state s)
{
	/* What a reload brought, until it reports: as if it were well. */
	t.in.up = s.fresh ? !t.in.reverse : s.up;
	t.in.reported = s.reported || s.fresh;
	t.reason = s.fresh ? "new, has not reported yet" : s.reason;
	return t;
}

static struct tracked with_number(struct tracked t, struct track_file_state s)
{
	t.what = "track_file";
	t.in.by_value = true;
	t.in.value = s.value;
	t.in.reported = s.known;
	t.in.absent = s.fresh && !s.known; /* what a reload brought moves nothing until it has been read */
	t.reason = s.reason;
	return t;
}

static struct tracked look(const struct track_sources *src, enum conf_track_kind kind, struct tracked t, size_t index)
{
	switch (kind) {
	case CONF_TRACK_MYSQL:
		t.what = "mysqld";
		t.in.silent_is_down = true;
		t = with_state(t, checker_mysql(src->checker, index));
		if (!t.in.reported)
			t.reason = "not seen alive yet";
		break;
	case CONF_TRACK_SCRIPT:
		t.what = conf_track_block(kind);
		t = with_state(t, checker_script(src->checker, index));
		if (!t.in.reported)
			t.reason = "has not ended yet";
		break;
	case CONF_TRACK_LINK:
		t.what = "interface";
		t = with_state(t, links_state(src->links, index));
		break;
	case CONF_TRACK_FILE:
		t = with_number(t, track_files_state(src->files, index));
		break;
	case CONF_TRACK_PROC:
		t.what = conf_track_block(kind);
		t = with_state(t, track_procs_state(src->procs, index));
		break;
	case _CONF_TRACK_MAX_:
		break;
	}
	return t;
}

/* The checks of a server that is tracked. They count only while it is alive, and once they have a result: a dead
 * server is the probe's business, and what is not known yet must move nothing. */
static size_t look_at_fitness(const struct checker *checker, const struct conf_mysql *m, size_t index,
			      struct tracked *ret)
{
	for (size_t i = 0; i < m->n_fitness; i++) {
		const struct conf_fitness *f = &m->fitness[i];
		struct tracked t = {
			.kind = "check",
			.what = "check",
			.name = f->name,
			.in = { .weight = f->weight, .reverse = f->reverse },
		};

		t = with_state(t, checker_fitness(checker, index, i));
		t.in.absent = !t.in.reported;
		ret[i] = t;
	}
	return m->n_fitness;
}

size_t tracker_max(const struct conf *conf, const struct conf_tracks *tracks)
{
	size_t n = conf_tracks_count(tracks);

	for (size_t i = 0; i < tracks->of[CONF_TRACK_MYSQL].n; i++)
		n += conf->mysqls[tracks->of[CONF_TRACK_MYSQL].t[i].index].n_fitness;
	return n;
}

size_t tracker_collect(const struct track_sources *src, const struct conf *conf, const struct conf_tracks *tracks,
		       struct tracked *ret)
{
	size_t n = 0;

	for (enum conf_track_kind kind = 0; kind < _CONF_TRACK_MAX_; kind++) {
		for (size_t i = 0; i < tracks->of[kind].n; i++) {
			const struct conf_track *t = &tracks->of[kind].t[i];
			const struct tracked blank = {
				.kind = conf_track_word(kind),
				.name = conf_track_name(conf, kind, t),
				.in = { .weight = t->weight, .reverse = t->reverse },
			};

			ret[n++] = look(src, kind, blank, t->index);
			if (kind == CONF_TRACK_MYSQL)
				n += look_at_fitness(src->checker, &conf->mysqls[t->index], t->index, ret + n);
		}
	}
	return n;
}

struct priority_result tracker_sum(uint8_t base, const struct tracked *list, size_t n)
{
	_cleanup_(freep) struct priority_input *in = calloc(n + 1, sizeof(*in));

	if (!in)
		abort(); /* a few bytes: without them nothing else works either */
	for (size_t i = 0; i < n; i++)
		in[i] = list[i].in;
	return priority_sum(base, in, n);
}

const struct tracked *tracker_obstacle(const struct tracked *list, size_t n)
{
	const struct tracked *waits = NULL;

	for (size_t i = 0; i < n; i++) {
		if (priority_forbids(&list[i].in))
			return &list[i];
		if (!waits && priority_waits(&list[i].in))
			waits = &list[i];
	}
	return waits;
}
