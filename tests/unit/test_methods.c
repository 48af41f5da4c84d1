/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of methods: its examples are such as it says, and docs/control-protocol.md shows it.
 * VMSEG_UPDATE_PROTOCOL=1 writes that page.
 */
#include "hostd/control/methods.h"
#include "tests/harness/test.h"

#define PAGE "docs/control-protocol.md"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!value)
		fail_msg("%s: %s", text, error.text);
	return value;
}

static void every_example_is_an_object(void **state)
{
	(void)state;
	assert_true(control_method_count > 20);
	for (size_t i = 0; i < control_method_count; i++) {
		json_t *reply = parse(method_descriptions[i].reply);

		assert_true(json_is_object(reply));
		json_decref(reply);
	}
}

static void every_example_of_a_request_is_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < control_method_count; i++) {
		const struct method_description *method = &method_descriptions[i];
		json_t *params = parse(method->request);
		struct diag diag = {0};

		assert_string_equal(control_methods[i].name, method->name);
		check_params(control_methods[i].params, params, &diag);
		assert_string_equal(diag_message(&diag), "");
		json_decref(params);
	}
}

static const struct method_param *find_params(const char *method)
{
	for (size_t i = 0; i < control_method_count; i++) {
		if (strcmp(control_methods[i].name, method) == 0)
			return control_methods[i].params;
	}
	fail_msg("there is no method %s", method);
	return NULL;
}

static void expect_refusal(const char *method, const char *params, const char *message)
{
	struct diag diag = {0};
	json_t *object = params ? parse(params) : NULL;

	check_params(find_params(method), object, &diag);
	assert_string_equal(diag_message(&diag), message);
	clear_diag(&diag);
	json_decref(object);
}

/* The functions see a parameter that is null as one that is not there. */
static void null_is_not_given(void **state)
{
	struct diag diag = {0};
	json_t *params = parse("{\"domain\": \"a\", \"vlan\": null}");

	(void)state;
	assert_int_equal(check_params(find_params("sessions"), params, &diag), 0);
	assert_null(json_object_get(params, "vlan"));
	assert_string_equal(json_string_value(json_object_get(params, "domain")), "a");
	json_decref(params);
}

static void other_parameters_are_refused(void **state)
{
	(void)state;
	expect_refusal("show", NULL, "params.domain: expected a string");
	expect_refusal("show", "{}", "params.domain: expected a string");
	expect_refusal("show", "{\"domain\": null}", "params.domain: expected a string");
	expect_refusal("show", "{\"domain\": \"a\", \"rules\": true}",
		       "params.rules: the method has no such parameter");
	expect_refusal("status", "{\"x\": null}", "params.x: the method has no such parameter");
	expect_refusal("status", NULL, "");
	expect_refusal("sessions", "{\"domain\": \"a\", \"vlan\": null}", "");
	expect_refusal("sessions", "{\"domain\": \"a\", \"vlan\": 1}",
		       "params.vlan: expected a string");
	expect_refusal("sessions", "{\"domain\": \"a\", \"from\": []}",
		       "params.from: expected an object");
	expect_refusal("policy-diff", "{\"xml\": \"\", \"limit\": 1.5}",
		       "params.limit: expected a number");
	expect_refusal("port-attach",
		       "{\"device\": \"a\", \"mac\": \"b\", \"policies\": [\"c\", 1]}",
		       "params.policies: expected an array of strings");
	expect_refusal("port-attach",
		       "{\"device\": \"a\", \"mac\": \"b\", \"policies\": [], \"force\": 1}",
		       "params.force: expected true or false");
}

/* The hook is replaced before the daemon is started again: no start of a VM may fail in between. */
static void the_hook_may_say_more(void **state)
{
	(void)state;
	expect_refusal("hook",
		       "{\"operation\": \"start\", \"xml\": \"\", \"later\": [1], \"x\": {}}", "");
	expect_refusal("hook", "{\"operation\": \"start\", \"later\": 1}",
		       "params.xml: expected a string");
	expect_refusal("hook", "{\"operation\": 1, \"xml\": \"\", \"later\": 1}",
		       "params.operation: expected a string");
}

/* ---- the page ------------------------------------------------------------------------------- */

static void print_json_block(FILE *out, const char *title, const char *text)
{
	json_t *value = parse(text);

	if (json_object_size(value) > 0) {
		fprintf(out, "\n%s\n\n```json\n", title);
		json_dumpf(value, out, JSON_INDENT(2));
		fputs("\n```\n", out);
	}
	json_decref(value);
}

static void print_method(FILE *out, const struct method_description *method)
{
	fprintf(out, "\n## %s\n\n%s %s\n", method->name, method->help,
		method->read_only ? "For readers." : "For root only.");
	if (method->params && method->params->name)
		fputs("\n| parameter | type | | |\n| --- | --- | --- | --- |\n", out);
	for (const struct method_param *param = method->params; param && param->name; param++)
		fprintf(out, "| `%s` | %s | %s | %s |\n", param->name, param_type_name(param->type),
			param->needed ? "needed" : "", param->help);
	print_json_block(out, "Example of `params`:", method->request);
	print_json_block(out, "Example of `result`:", method->reply);
}

static void print_page(FILE *out)
{
	fputs("# The control protocol\n\n"
	      "Made from `hostd/control/methods.def` by `make protocol-page`.\n\n"
	      "A client connects to a unix stream socket, sends one line with a JSON object, and "
	      "gets "
	      "one line:\n\n"
	      "```\n"
	      "{\"v\": 1, \"method\": \"show\", \"params\": {\"domain\": \"web\"}}\n"
	      "{\"v\": 1, \"ok\": true, \"result\": {...}}\n"
	      "{\"v\": 1, \"ok\": false, \"error\": \"one sentence\"}\n"
	      "```\n\n"
	      "`/run/vmseg/control.sock` takes all methods, from root. `/run/vmseg/read.sock` "
	      "takes "
	      "those for readers,\nfrom root and the group `vmseg`. A parameter that a method does "
	      "not "
	      "have is an error,\nunless its table has `*`. Members may be added to results; a "
	      "client ignores those that it does not\nknow.\n",
	      out);
	for (size_t i = 0; i < control_method_count; i++)
		print_method(out, &method_descriptions[i]);
}

static char *read_page(void)
{
	static char text[65536];
	FILE *stream = fopen(PAGE, "r");
	size_t size = stream ? fread(text, 1, sizeof(text) - 1, stream) : 0;

	if (stream)
		fclose(stream);
	text[size] = '\0';
	return text;
}

static void the_page_shows_the_list(void **state)
{
	char *expected = NULL;
	size_t size;
	FILE *out;

	(void)state;
	if (getenv("VMSEG_UPDATE_PROTOCOL")) {
		out = fopen(PAGE, "w");
		assert_non_null(out);
		print_page(out);
		assert_int_equal(fclose(out), 0);
	}
	out = open_memstream(&expected, &size);
	assert_non_null(out);
	print_page(out);
	assert_int_equal(fclose(out), 0);
	if (strcmp(read_page(), expected) != 0)
		fail_msg("%s is not what methods.def says: see `make protocol-page`", PAGE);
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_is_an_object),
		cmocka_unit_test(every_example_of_a_request_is_accepted),
		cmocka_unit_test(null_is_not_given),
		cmocka_unit_test(other_parameters_are_refused),
		cmocka_unit_test(the_hook_may_say_more),
		cmocka_unit_test(the_page_shows_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
