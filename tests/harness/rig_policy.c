// SPDX-License-Identifier: GPL-2.0-or-later
/* Policies as people write them, put in force on a port of the rig. */
#include "tests/harness/policy_case.h"
#include "tests/harness/rig.h"

void set_policy(struct rig_port *port, const char *content)
{
	struct policy_case policy;

	open_case(&policy);
	compile_case(&policy, content);
	set_image(port, policy.image);
	close_case(&policy);
}
