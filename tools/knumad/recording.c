// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: reading what record has written
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"
#include "recording.h"

#define MOST_NODES	1024	/* as many as Linux can have */

/* Where we are in the file */
struct reader {
	struct recording *r;
	char *rest;		/* of the line */
};

static char *word(struct reader *in)
{
	char *w;

	do
		w = strsep(&in->rest, " ");
	while (w && !*w);
	return w;
}

static bool number(struct reader *in, __u64 *v)
{
	char *w = word(in);

	return w && parse_number(w, ~0ULL, v);
}

static bool hexadecimal(struct reader *in, __u64 *v)
{
	char *w = word(in), *end;

	if (!w)
		return false;
	*v = strtoull(w, &end, 16);
	return end != w && !*end;
}

static bool integer(struct reader *in, int *v)
{
	char *w = word(in), *end;

	if (!w)
		return false;
	*v = strtol(w, &end, 10);
	return end != w && !*end;
}

static bool real(struct reader *in, double *v)
{
	char *w = word(in), *end;

	if (!w)
		return false;
	*v = strtod(w, &end);
	return end != w && !*end && isfinite(*v) && *v >= 0;
}

/* One of knumad's words. A file may be anybody's, and this is printed, and told gnuplot. */
static bool keyword(struct reader *in, char *to, size_t size)
{
	char *w = word(in);

	if (!w || !*w || w[strspn(w, "abcdefghijklmnopqrstuvwxyz_-")])
		return false;
	snprintf(to, size, "%s", w);
	return true;
}

static bool name(struct reader *in, char *to, size_t size)
{
	char *w = word(in);

	if (!w)
		return false;
	unescape(w);
	snprintf(to, size, "%s", w);
	return true;
}

/* A name that is only printed */
static bool label(struct reader *in, char *to, size_t size)
{
	char *w = word(in);

	if (!w)
		return false;
	unescape(w);
	printable(to, size, w);
	return true;
}

static bool list(struct reader *in, __u64 **v)
{
	char *w = word(in);

	*v = xalloc(in->r->nr_nodes, sizeof(**v));
	return w && parse_list(w, *v, in->r->nr_nodes) == in->r->nr_nodes;
}

static bool rest_of_line(struct reader *in, char *to, size_t size)
{
	printable(to, size, in->rest ?: "");
	return true;
}

static bool read_nodes(struct reader *in)
{
	struct recording *r = in->r;
	__u64 nr;

	if (r->nr_nodes || !number(in, &nr) || !nr || nr > MOST_NODES)
		return false;
	r->nr_nodes = nr;
	return true;
}

/* Its CPUs and its memory are for who reads the file */
static bool read_node(struct reader *in)
{
	__u64 id, kb;

	return number(in, &id) && id < in->r->nr_nodes && word(in) && number(in, &kb);
}

static bool read_sample(struct reader *in)
{
	struct recording *r = in->r;
	struct sample *s;

	r->samples = xgrow(r->samples, r->nr_samples, sizeof(*r->samples));
	s = &r->samples[r->nr_samples++];
	s->nodes = xalloc(r->nr_nodes, sizeof(*s->nodes));
	return real(in, &s->time) && keyword(in, s->mode, sizeof(s->mode)) &&
	       (r->nr_samples < 2 || s->time >= s[-1].time);
}

static bool read_node_point(struct reader *in)
{
	struct recording *r = in->r;
	struct node_point *n;
	__u64 id;

	if (!r->nr_samples || !number(in, &id) || id >= r->nr_nodes)
		return false;
	n = &r->samples[r->nr_samples - 1].nodes[id];
	return real(in, &n->busy) && number(in, &n->free_kb);
}

static struct track *track_of(struct recording *r, pid_t pid)
{
	size_t i;

	/* If its number was given to another process meanwhile, both are one here */
	for (i = r->nr_tracks; i-- > 0;)
		if (r->tracks[i].pid == pid)
			return &r->tracks[i];
	return NULL;
}

static struct track *new_track(struct recording *r, pid_t pid)
{
	struct track *t;

	r->tracks = xgrow(r->tracks, r->nr_tracks, sizeof(*r->tracks));
	t = &r->tracks[r->nr_tracks++];
	*t = (struct track) { .pid = pid };
	return t;
}

static bool read_point(struct reader *in)
{
	struct recording *r = in->r;
	struct track *t;
	struct point *p;
	int pid;

	if (!r->nr_samples || !integer(in, &pid))
		return false;
	t = track_of(r, pid) ?: new_track(r, pid);
	t->points = xgrow(t->points, t->nr_points, sizeof(*t->points));
	p = &t->points[t->nr_points++];
	*p = (struct point) { .time = r->samples[r->nr_samples - 1].time };
	return name(in, t->comm, sizeof(t->comm)) &&
	       keyword(in, p->verdict, sizeof(p->verdict)) && integer(in, &p->home) &&
	       integer(in, &p->local) && number(in, &p->faults) && number(in, &p->moved) &&
	       list(in, &p->pages) && list(in, &p->cpu_ms);
}

static bool read_block(struct reader *in)
{
	struct track *t;
	struct heat *h;
	int pid;

	if (!integer(in, &pid))
		return false;
	t = track_of(in->r, pid);
	if (!t)
		return false;
	t->heat = xgrow(t->heat, t->nr_heat, sizeof(*t->heat));
	h = &t->heat[t->nr_heat++];
	*h = (struct heat) { .point = t->nr_points - 1 };
	return hexadecimal(in, &h->address) && hexadecimal(in, &h->size) && h->size &&
	       list(in, &h->pages);
}

static bool read_line(struct reader *in)
{
	struct recording *r = in->r;
	char *w = word(in);

	if (!w)
		return true;
	if (!strcmp(w, "host"))
		return label(in, r->host, sizeof(r->host));
	if (!strcmp(w, "kernel"))
		return label(in, r->kernel, sizeof(r->kernel));
	if (!strcmp(w, "command"))
		return rest_of_line(in, r->command, sizeof(r->command));
	if (!strcmp(w, "start"))
		return number(in, &r->start);
	if (!strcmp(w, "interval"))
		return real(in, &r->interval);
	if (!strcmp(w, "nodes"))
		return read_nodes(in);
	/* All others have lists, or node numbers */
	if (!r->nr_nodes)
		return false;
	if (!strcmp(w, "node"))
		return read_node(in);
	if (!strcmp(w, "t"))
		return read_sample(in);
	if (!strcmp(w, "n"))
		return read_node_point(in);
	if (!strcmp(w, "p"))
		return read_point(in);
	if (!strcmp(w, "b"))
		return read_block(in);
	return false;
}

/**
 * recording_parse - understand a recording
 * @file: its name, for messages
 * @text: what it says; changed
 * @r: where to store it; to be freed, also on error
 *
 * Return: 0, or the exit status when what is wrong has been said.
 */
int recording_parse(const char *file, char *text, struct recording *r)
{
	struct reader in = { .r = r };
	unsigned int nr = 1;
	char *line;

	*r = (struct recording) { 0 };
	line = strsep(&text, "\n");
	if (!line || strcmp(line, RECORDING_HEADER))
		return fail(EXIT_FAILURE, "%s: not a recording of this version of knumadctl.",
			    file);
	while ((line = strsep(&text, "\n"))) {
		nr++;
		/* The last line may be cut short if record was: there is no newline */
		if (!text)
			break;
		in.rest = line;
		if (!read_line(&in))
			return fail(EXIT_FAILURE, "%s, line %u is not understood.", file, nr);
	}
	if (!r->nr_samples)
		return fail(EXIT_FAILURE, "%s has no samples.", file);
	return 0;
}

/**
 * recording_read - read a recording
 * @file: its name
 * @r: where to store it; to be freed, also on error
 *
 * Return: 0, or the exit status when what is wrong has been said.
 */
int recording_read(const char *file, struct recording *r)
{
	char *text = read_file("%s", file);
	int ret;

	*r = (struct recording) { 0 };
	if (!text) {
		fail(EXIT_FAILURE, "cannot read %s: %s.", file, strerror(errno));
		hint("'knumadctl record' makes a recording.");
		return EXIT_FAILURE;
	}
	ret = recording_parse(file, text, r);
	free(text);
	return ret;
}

static void free_track(struct track *t)
{
	size_t i;

	for (i = 0; i < t->nr_points; i++) {
		free(t->points[i].pages);
		free(t->points[i].cpu_ms);
	}
	for (i = 0; i < t->nr_heat; i++)
		free(t->heat[i].pages);
	free(t->points);
	free(t->heat);
}

/**
 * recording_free - forget a recording
 * @r: the recording
 */
void recording_free(struct recording *r)
{
	size_t i;

	for (i = 0; i < r->nr_samples; i++)
		free(r->samples[i].nodes);
	for (i = 0; i < r->nr_tracks; i++)
		free_track(&r->tracks[i]);
	free(r->samples);
	free(r->tracks);
	*r = (struct recording) { 0 };
}

/**
 * recording_end - how long is it?
 * @r: the recording
 *
 * Return: seconds, also of the last sample's interval.
 */
double recording_end(const struct recording *r)
{
	double interval = r->interval > 0 ? r->interval : 1;

	return r->samples[r->nr_samples - 1].time + interval;
}

/**
 * track_at - where was a process?
 * @t: the process
 * @from: in a time that begins here
 * @to: and ends before
 *
 * Return: its last point in that time, or NULL if it was not there.
 */
const struct point *track_at(const struct track *t, double from, double to)
{
	size_t i;

	for (i = t->nr_points; i-- > 0;)
		if (t->points[i].time < to)
			return t->points[i].time >= from ? &t->points[i] : NULL;
	return NULL;
}

/**
 * point_local - the local share of a process
 * @p: at one time
 * @nr_nodes: how many nodes there are
 *
 * Return: percent, as knumad tells it; or if it does not, how much would be local if each
 * thread used all of the memory alike; negative if that is not known either.
 */
double point_local(const struct point *p, size_t nr_nodes)
{
	double pages = sum(p->pages, nr_nodes), cpu = sum(p->cpu_ms, nr_nodes), local = 0;
	size_t i;

	if (p->local >= 0)
		return p->local / 10.0;
	if (pages <= 0 || cpu <= 0)
		return -1;
	for (i = 0; i < nr_nodes; i++)
		local += p->pages[i] / pages * p->cpu_ms[i] / cpu;
	return 100 * local;
}

/**
 * majority - is it mostly on one node?
 * @v: a number per node
 * @nr: how many
 *
 * Return: the node that has three quarters or more; -1 if none has, -2 if there is nothing.
 */
int majority(const __u64 *v, size_t nr)
{
	__u64 all = sum(v, nr);
	size_t i;

	if (!all)
		return -2;
	for (i = 0; i < nr; i++)
		if (4 * v[i] >= 3 * all)
			return i;
	return -1;
}
