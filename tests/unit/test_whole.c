/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is read is whole: an allocation that fails while XML is read, in the project or in libxml2,
 * is a refusal, and never a document that says something else. Each allocation fails in turn:
 * alone, and with all that follow.
 */
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/domain/domain.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/domain/port_description.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "hostd/policy/write/print.h"
#include "tests/harness/test.h"

#define SCHEMA "build/vmseg.rng"

/* ---- allocations that fail ------------------------------------------------------------------ */

static struct {
	bool on, all; /* all: every one from first_bad on */
	long seen, first_bad;
} faults;

static bool is_bad(void)
{
	long number = faults.seen;

	if (!faults.on)
		return false;
	faults.seen++;
	return faults.all ? number >= faults.first_bad : number == faults.first_bad;
}

#define WRAP(type, name, parameters, call)                                                         \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		if (is_bad()) {                                                                    \
			errno = ENOMEM;                                                            \
			return NULL;                                                               \
		}                                                                                  \
		return __real_##name call;                                                         \
	}

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, (void *block, size_t size), (block, size))
WRAP(void *, reallocarray, (void *block, size_t count, size_t size), (block, count, size))
WRAP(char *, strdup, (const char *text), (text))

int __real_vasprintf(char **ret, const char *format, va_list arguments);
int __wrap_vasprintf(char **ret, const char *format, va_list arguments);

__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **ret, const char *format,
							   va_list arguments)
{
	return is_bad() ? -1 : __real_vasprintf(ret, format, arguments);
}

int __wrap_asprintf(char **ret, const char *format, ...);

__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = __wrap_vasprintf(ret, format, arguments);
	va_end(arguments);
	return size;
}

/* ---- what is read --------------------------------------------------------------------------- */

#define VMSEG(content) "<v:domain xmlns:v='urn:vmseg:1'>" content "</v:domain>"
#define RULES                                                                                      \
	"<v:rule id='a' direction='in' action='allow'><v:remote cidr='192.0.2.0/24'/>"             \
	"<v:tcp port='22' source-port='1024-65535'/></v:rule>"                                     \
	"<v:rule id='b' direction='in' action='deny' log='yes'>"                                   \
	"<v:remote cidr='198.51.100.0/24'/></v:rule>"

static const char policy_text[] =
	"<?xml version='1.0' encoding='utf-8'?>\n"
	"<v:policy xmlns:v='urn:vmseg:1' name='p'><!-- a comment -->"
	"<v:description>Lets in &amp; out</v:description>"
	"<v:default in='deny' out='deny'/><v:guards vlan='7,8'/>"
	"<v:limits sessions='100' sessions-per-remote='5'/>" RULES "</v:policy>";
static const char set_text[] = "<set xmlns='urn:vmseg:1' name='s'><cidr>192.0.2.0/24</cidr>"
			       "<cidr> 2001:db8::<!-- - -->/32 </cidr></set>";
static const char inline_text[] =
	VMSEG("<v:policy ref='web-server'/><v:policy><v:default in='allow'/>" RULES "</v:policy>"
	      "<v:group name='g'/><v:interface mac='52:54:00:00:00:11'>"
	      "<v:address ip='10.0.0.11'/><v:guards ip='off'/></v:interface>");
static const char domain_text[] =
	"<domain type='kvm' xmlns:v='urn:vmseg:1' xmlns:o='urn:other'><name>web</name>"
	"<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>"
	"<metadata><o:note id='1'>text</o:note>"
	"<v:domain mode='audit'><v:policy ref='web-server'/>"
	"<v:interface mac='52:54:00:00:00:11'><v:address ip='10.0.0.11'/></v:interface></v:domain>"
	"</metadata><devices><interface type='bridge'><mac address='52:54:00:00:00:11'/>"
	"<target dev='vnet0'/></interface><interface type='network'>"
	"<mac address='52:54:00:00:00:12'/><target dev='vnet1'/><bandwidth><outbound average='1'/>"
	"</bandwidth></interface><interface type='hostdev'><mac address='52:54:00:00:00:13'/>"
	"<teaming type='transient' persistent='ua-a'/></interface>"
	"<hostdev mode='subsystem' type='pci'><source><address domain='0xffff' bus='0xff' "
	"slot='0x1f' function='0x7'/></source></hostdev></devices>"
	"<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
	"<q:arg value='-netdev'/><q:arg value='user,id=n1'/></q:commandline></domain>";

/* Each reads, and while nothing fails any more prints what has come of it. */
static int read_file(const char *text, FILE *stream)
{
	struct address_set *set = NULL;
	struct policy *policy = NULL;
	struct diag diag = {0};
	int r = parse_policy_text(text, strlen(text), "F", &policy, &set, &diag);

	faults.on = false;
	if (policy)
		print_policy(policy, stream);
	if (set)
		print_address_set(set, stream);
	free_policy(&policy);
	free_address_set(&set);
	clear_diag(&diag);
	return r;
}

static int read_metadata(const char *text, FILE *stream)
{
	struct domain_policy *policy = NULL;
	struct diag diag = {0};
	int r = parse_domain_policy(text, strlen(text), "D", 1, &policy, &diag);

	faults.on = false;
	if (policy)
		print_domain_policy(policy, stream);
	free_domain_policy(&policy);
	clear_diag(&diag);
	return r;
}

static void print_domain(const struct domain *domain, FILE *stream)
{
	fprintf(stream, "%s %s %s %d %s\n", domain->name, domain->uuid, domain->driver,
		domain->metadata_line, domain->metadata ? domain->metadata : "unmanaged");
	for (size_t i = 0; i < domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->interfaces[i];

		fprintf(stream, "%d %s %s %d %02x\n", nic->kind, nic->type,
			nic->target ? nic->target : "no target", nic->polices, nic->mac[5]);
	}
	for (size_t i = 0; i < domain->unfilterable_count; i++)
		fprintf(stream, "%s %s %s %d\n", domain->unfilterable[i].kind,
			domain->unfilterable[i].name, domain->unfilterable[i].reason,
			domain->unfilterable[i].line);
}

static int read_domain(const char *text, FILE *stream)
{
	struct domain *domain = NULL;
	struct diag diag = {0};
	int r = parse_domain(text, strlen(text), &domain, &diag);

	faults.on = false;
	if (domain)
		print_domain(domain, stream);
	free_domain(&domain);
	clear_diag(&diag);
	return r;
}

static int write_port(const char *text, FILE *stream)
{
	const char *const names[] = {"web-server", text};
	const struct port_description description = {.device = "tap7",
						     .mac = {0x52, 0x54, 0, 0, 0, 1},
						     .policies = names,
						     .policy_count = 2,
						     .groups = names,
						     .group_count = 1};
	char *xml = NULL;
	int r = write_port_domain(&description, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", &xml);

	faults.on = false;
	fputs(xml ? xml : "", stream);
	free(xml);
	return r;
}

/* The schema is part of what is read. */
static int read_with_schema(const char *text, FILE *stream)
{
	set_schema_path(SCHEMA);
	return read_file(text, stream);
}

/* ---- every allocation ----------------------------------------------------------------------- */

typedef int (*reader)(const char *text, FILE *stream);

static int read_once(reader read, const char *text, char **ret)
{
	char *printed = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&printed, &size);
	int r;

	assert_non_null(stream);
	faults.seen = 0;
	faults.on = true;
	r = read(text, stream);
	assert_false(faults.on);
	assert_int_equal(fclose(stream), 0);
	*ret = printed;
	return r;
}

/* The number of allocations that have failed. */
static long fail_each(reader read, const char *text, bool all)
{
	_cleanup_free_ char *expected = NULL;
	long count;

	faults.all = all;
	faults.first_bad = LONG_MAX;
	assert_int_equal(read_once(read, text, &expected), 0);
	assert_true(strlen(expected) > 0);
	count = faults.seen;
	for (faults.first_bad = 0; faults.first_bad < count; faults.first_bad++) {
		_cleanup_free_ char *printed = NULL;
		int r = read_once(read, text, &printed);

		if (r != 0)
			assert_int_equal(r, -ENOMEM);
		assert_string_equal(printed, r == 0 ? expected : "");
	}
	return count;
}

static void expect_whole(reader read, const char *text, long at_least)
{
	long count = fail_each(read, text, false);

	print_message("%ld allocations\n", count);
	assert_true(count >= at_least);
	fail_each(read, text, true);
}

static void policies_are_whole(void **state)
{
	(void)state;
	expect_whole(read_file, policy_text, 200);
}

static void sets_are_whole(void **state)
{
	(void)state;
	expect_whole(read_file, set_text, 50);
}

static void metadata_is_whole(void **state)
{
	(void)state;
	expect_whole(read_metadata, inline_text, 200);
}

static void domains_are_whole(void **state)
{
	(void)state;
	expect_whole(read_domain, domain_text, 100);
}

static void port_descriptions_are_whole(void **state)
{
	(void)state;
	expect_whole(write_port, "office", 50);
}

static void the_schema_is_whole(void **state)
{
	(void)state;
	assert_true(fail_each(read_with_schema, set_text, false) > 1000);
}

/* ---- the first reading of a process --------------------------------------------------------- */

/* A schema that allocates little: what libxml2 makes once for the process is most of it. */
static const char small_schema[] =
	"<grammar xmlns='http://relaxng.org/ns/structure/1.0' "
	"datatypeLibrary='http://www.w3.org/2001/XMLSchema-datatypes'><start><ref "
	"name='any'/></start>"
	"<define name='any'><element><anyName/><zeroOrMore><choice><attribute><anyName/>"
	"<data type='token'/></attribute><text/><ref name='any'/></choice></zeroOrMore></element>"
	"</define></grammar>";

enum { READ_AGAIN, NOTHING_FAILED, READ_OTHERWISE };

/* In a process that has read nothing: an allocation of the first reading fails, the next reading is
 * whole. */
static int read_twice(const char *small_path)
{
	char *printed;
	int r;

	set_schema_path(small_path);
	r = read_once(read_file, set_text, &printed);
	if (faults.seen <= faults.first_bad)
		return r == 0 ? NOTHING_FAILED : READ_OTHERWISE;
	if (r != 0 && r != -ENOMEM)
		return READ_OTHERWISE;
	faults.first_bad = LONG_MAX;
	set_schema_path(SCHEMA);
	r = read_once(read_file, set_text, &printed);
	return r == 0 && strstr(printed, "192.0.2.0/24") ? READ_AGAIN : READ_OTHERWISE;
}

static int read_twice_apart(const char *small_path)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(read_twice(small_path));
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fail_msg("allocation %ld: signal %d", faults.first_bad, WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* Before all others, which would make in this process what the first reading makes. */
static void the_first_reading_may_fail(void **state)
{
	char path[] = "/tmp/test_whole.XXXXXX";
	int fd = mkstemp(path), result = READ_AGAIN;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, small_schema, strlen(small_schema)), strlen(small_schema));
	close(fd);
	faults.all = false;
	for (faults.first_bad = 0; result == READ_AGAIN; faults.first_bad++)
		result = read_twice_apart(path);
	unlink(path);
	print_message("%ld allocations\n", faults.first_bad - 1);
	assert_int_equal(result, NOTHING_FAILED);
	assert_true(faults.first_bad > 200);
}

static int name_schema(void **state)
{
	(void)state;
	set_schema_path(SCHEMA);
	return 0;
}

static int free_schema(void **state)
{
	(void)state;
	set_schema_path(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_reading_may_fail),
		cmocka_unit_test(policies_are_whole),
		cmocka_unit_test(sets_are_whole),
		cmocka_unit_test(metadata_is_whole),
		cmocka_unit_test(domains_are_whole),
		cmocka_unit_test(port_descriptions_are_whole),
		cmocka_unit_test(the_schema_is_whole),
	};

	return cmocka_run_group_tests(tests, name_schema, free_schema);
}
