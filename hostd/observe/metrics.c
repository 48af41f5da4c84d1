/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics. A NIC is named by its MAC address, which outlives the tap's name.
 */
#include "hostd/observe/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/queries/names.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/handlers/repair.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/managed.h"

struct walk {
	struct enforcer *enforcer;
	FILE *stream;
	void (*write)(struct walk *walk, const struct managed_domain *domain,
		      const struct managed_port *port);
	const char *metric;
	bool bytes;
};

/* A label's value: backslash and quote are escaped (exposition format 0.0.4), and before that what
 * cannot be shown. */
static void write_escaped(FILE *stream, const char *text)
{
	_cleanup_free_ char *shown = escape_text(text);

	for (const char *at = shown ? shown : ""; *at; at++) {
		if (*at == '"' || *at == '\\')
			fputc('\\', stream);
		fputc(*at, stream);
	}
}

static void write_head(FILE *stream, const char *metric, const char *type, const char *help)
{
	fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

/* "metric{domain="web",nic="52:54:00:00:00:01"", without the closing brace. */
static void begin_sample(struct walk *walk, const struct managed_domain *domain,
			 const struct managed_port *port)
{
	char mac[MAC_TEXT_BYTES];

	fprintf(walk->stream, "%s{domain=\"", walk->metric);
	write_escaped(walk->stream, domain->domain->name);
	fprintf(walk->stream, "\",nic=\"%s\"", format_mac(port->mac, mac));
}

static void walk_ports(const struct managed_domain *domain, void *context)
{
	struct walk *walk = context;

	for (size_t i = 0; i < domain->port_count; i++) {
		if (domain->ports[i].ifindex)
			walk->write(walk, domain, &domain->ports[i]);
	}
}

static const char *verdict_name(const struct managed_port *port, uint8_t reason)
{
	if (reason_passes(reason))
		return "pass";
	return port->plan && (port->plan->config.flags & PORT_AUDIT) ? "audit" : "drop";
}

static void write_counters(struct walk *walk, const struct managed_domain *domain,
			   const struct managed_port *port)
{
	struct port_stats stats;

	if (read_port_stats(enforcer_datapath(walk->enforcer), port->ifindex, &stats) < 0)
		return;
	for (int direction = 0; direction < 2; direction++) {
		for (int reason = 0; reason < REASON_COUNT; reason++) {
			const struct counter *counter = &stats.by_reason[direction][reason];

			if (!counter->packets)
				continue;
			begin_sample(walk, domain, port);
			fprintf(walk->stream,
				",direction=\"%s\",reason=\"%s\",verdict=\"%s\"} %" PRIu64 "\n",
				direction == DIRECTION_IN ? "in" : "out",
				reason_name((uint8_t)reason), verdict_name(port, (uint8_t)reason),
				(uint64_t)(walk->bytes ? counter->bytes : counter->packets));
		}
	}
}

static void write_sessions(struct walk *walk, const struct managed_domain *domain,
			   const struct managed_port *port)
{
	uint32_t count, limit;

	if (read_session_count(enforcer_datapath(walk->enforcer), port->ifindex, &count, &limit))
		return;
	begin_sample(walk, domain, port);
	fprintf(walk->stream, "} %" PRIu32 "\n", count);
}

static void write_session_limits(struct walk *walk, const struct managed_domain *domain,
				 const struct managed_port *port)
{
	uint32_t count, limit;

	if (read_session_count(enforcer_datapath(walk->enforcer), port->ifindex, &count, &limit))
		return;
	begin_sample(walk, domain, port);
	fprintf(walk->stream, "} %" PRIu32 "\n", limit);
}

/* A NIC that is to be filtered, and of which no port with a device is known. */
static bool lacks_port(const struct managed_domain *domain, const struct domain_interface *nic)
{
	if (nic->kind == INTERFACE_NONE)
		return false;
	for (size_t i = 0; i < domain->port_count; i++) {
		if (domain->ports[i].ifindex &&
		    memcmp(domain->ports[i].mac, nic->mac, MAC_BYTES) == 0)
			return false;
	}
	/* Labels must differ, so of several NICs with one MAC address only the first is shown. */
	return find_nic(domain->domain, nic->mac) == nic;
}

static void write_unported(const struct managed_domain *domain, void *context)
{
	struct walk *walk = context;

	if (!is_managed(domain) || domain->detached || is_waiting(domain))
		return;
	for (size_t i = 0; i < domain->domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->domain->interfaces[i];
		struct managed_port port = {0};

		if (!lacks_port(domain, nic))
			continue;
		memcpy(port.mac, nic->mac, MAC_BYTES);
		begin_sample(walk, domain, &port);
		fprintf(walk->stream, "} 0\n");
	}
}

static void write_in_line(struct walk *walk, const struct managed_domain *domain,
			  const struct managed_port *port)
{
	begin_sample(walk, domain, port);
	fprintf(walk->stream, "} %d\n", !domain->error && !port->error);
}

static void write_bypassed(struct walk *walk, const struct managed_domain *domain,
			   const struct managed_port *port)
{
	begin_sample(walk, domain, port);
	fprintf(walk->stream, "} %d\n", port->hook_problem != NULL);
}

static void write_per_port(const struct metrics_source *source, FILE *stream)
{
	static const struct {
		const char *metric, *type, *help;
		void (*write)(struct walk *walk, const struct managed_domain *domain,
			      const struct managed_port *port);
		bool bytes;
	} metrics[] = {
		{"vmseg_packets_total", "counter", "Judged packets, by reason and verdict.",
		 write_counters, false},
		{"vmseg_bytes_total", "counter", "Bytes of judged frames, by reason and verdict.",
		 write_counters, true},
		{"vmseg_sessions", "gauge", "Live sessions at the last sweep.", write_sessions,
		 false},
		{"vmseg_session_limit", "gauge", "Maximum number of sessions of the port.",
		 write_session_limits, false},
		{"vmseg_port_in_line", "gauge",
		 "1 if the interface has its newest configuration, 0 if not (see vmseg status).",
		 write_in_line, false},
		{"vmseg_port_bypassed", "gauge",
		 "1 if packets may bypass the filter (see vmseg status).", write_bypassed, false},
	};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		struct walk walk = {source->enforcer, stream, metrics[i].write, metrics[i].metric,
				    metrics[i].bytes};

		write_head(stream, metrics[i].metric, metrics[i].type, metrics[i].help);
		for_each_domain(source->enforcer, walk_ports, &walk);
		if (metrics[i].write == write_in_line)
			for_each_domain(source->enforcer, write_unported, &walk);
	}
}

/* Two may have one name; two samples must not have the same labels: so the line is one, too. */
static void write_unfiltered_nic(FILE *stream, const char *domain, const char *kind,
				 const char *name, int line)
{
	fputs("vmseg_unfiltered_interface{domain=\"", stream);
	write_escaped(stream, domain);
	fputs("\",kind=\"", stream);
	write_escaped(stream, kind);
	fputs("\",name=\"", stream);
	write_escaped(stream, name);
	fprintf(stream, "\",line=\"%d\"} 1\n", line);
}

static void write_domain_unfiltered(const struct managed_domain *domain, void *context)
{
	const char *name = domain->domain->name;

	for (size_t i = 0; is_managed(domain) && i < domain->domain->unfilterable_count; i++) {
		const struct unfilterable_nic *nic = &domain->domain->unfilterable[i];

		write_unfiltered_nic(context, name, nic->kind, nic->name, nic->line);
	}
	for (size_t i = 0; i < domain->port_count; i++) {
		if (domain->ports[i].unfiltered)
			write_unfiltered_nic(context, name, "packet-socket",
					     domain->ports[i].device, 0);
	}
}

static void write_unfiltered(const struct metrics_source *source, FILE *stream)
{
	write_head(stream, "vmseg_unfiltered_interface", "gauge",
		   "1 for each interface of a managed domain that cannot be filtered.");
	for_each_domain(source->enforcer, write_domain_unfiltered, stream);
}

static void write_value(FILE *stream, const char *metric, const char *help, uint64_t value)
{
	write_head(stream, metric, "gauge", help);
	fprintf(stream, "%s %" PRIu64 "\n", metric, value);
}

static void write_host(const struct metrics_source *source, FILE *stream)
{
	struct datapath_status status;

	read_datapath_status(enforcer_datapath(source->enforcer), &status);
	write_value(stream, "vmseg_ports", "Number of filtered ports.", status.port_count);
	write_value(stream, "vmseg_ports_max", "Maximum number of filtered ports.",
		    status.max_ports);
	write_value(stream, "vmseg_policy_nodes_used", "Nodes of 64 bytes that policy images use.",
		    status.nodes_used);
	write_value(stream, "vmseg_policy_nodes", "Nodes of 64 bytes that policy images may use.",
		    status.nodes_total);
	write_value(stream, "vmseg_bad_policy_files",
		    "Files of the policy directory that cannot be used.",
		    count_bad_files(enforcer_library(source->enforcer)));
	write_value(stream, "vmseg_pinned",
		    "1 if filtering continues when the daemon ends, 0 if not (see vmseg status).",
		    !find_pins_problem(source->enforcer));
	write_head(stream, "vmseg_build_info", "gauge", "Version of the daemon.");
	fprintf(stream, "vmseg_build_info{version=\"%s\"} 1\n", VMSEG_VERSION);
	write_head(stream, "vmseg_libvirt_connected", "gauge",
		   "1 while the daemon is connected to this libvirt.");
	for (size_t i = 0; i < source->libvirt->count; i++)
		fprintf(stream, "vmseg_libvirt_connected{uri=\"%s\"} %d\n",
			source->libvirt->links[i].uri, source->libvirt->links[i].connected);
}

void write_metrics(const struct metrics_source *source, FILE *stream)
{
	write_per_port(source, stream);
	write_unfiltered(source, stream);
	write_host(source, stream);
}
