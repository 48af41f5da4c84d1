#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in bash: what is offered where, with the real command asking a daemon that knows three
# domains and two policies.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

BUILD=$(realpath "${BUILD:-build}")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

# The daemon's side of the control protocol, for the questions that completion asks. The second
# domain's name has what needs quoting in JSON and in the shell.
start_daemon() {
	python3 - "$VMSEG_SOCKET" <<-'END' &
		import json, socket, sys
		answers = {
		    "list": {"domains": [{"name": name, "uuid": "?", "state": "enforce",
		                          "policies": ["not-a-name"], "error": None}
		                         for name in ("web", 'my "new" web', "db")]},
		    "group-list": {"groups": [{"name": name, "domains": ["web"],
		                               "members": [{"domain": "web", "addresses": []}]}
		                              for name in ("admins", "db")]},
		    "policy-list": {"directory": "/etc/vmseg/policies",
		                    "policies": [{"name": name, "description": "name", "error": None}
		                                 for name in ("allow-out", "web-server")]},
		    "status": {"problems": [{"domain": "db", "device": None, "error": "name"}],
		               "pending": [{"name": "bastion", "seconds_left": 3, "error": None}]},
		}
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		while True:
		    client, _ = server.accept()
		    with client, client.makefile("rw") as stream:
		        method = json.loads(stream.readline())["method"]
		        print(json.dumps({"v": 1, "ok": True, "result": answers[method]}), file=stream)
	END
	server=$!
	check_soon 20 "there is a daemon to ask" [ -S "$VMSEG_SOCKET" ]
}

# offered WORD...: what completion offers for the last word of the line, one a line.
offered() {
	COMP_WORDS=(vmseg "$@")
	COMP_CWORD=$#
	_vmseg
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

words() {
	printf '%s\n' "$@" | sort
}

# The first words of the commands in `vmseg help`, and help itself.
first_words() {
	"$BUILD/vmseg" help | sed -n '/^  -/q; s/^  \([a-z][a-z]*\) .*/\1/p'
	echo help
}

# second_words policy|group|port: the second words of these commands.
second_words() {
	"$BUILD/vmseg" help | sed -n "s/^  $1 \([a-z]*\).*/\1/p"
}

# options_of COMMAND...: the options that the command takes, by trying all that the help has. One
# that it does not take is answered by how the command is used.
options_of() {
	local option
	for option in $("$BUILD/vmseg" help | grep -oE -- '--[a-z]+' | sort -u); do
		# These two are taken without a command, and end the program.
		[[ $option != --@(help|version) ]] || continue
		if takes "$option" "$@"; then
			echo "$option"
		fi
	done | sort
}

takes() {
	local option=$1 value=() said
	shift
	case $option in
	--limit | --confirm) value=(1) ;;
	--nic) value=(eth0) ;;
	--vlan) value=(1) ;;
	--policy | --mac | --address | --group) value=(x) ;;
	--socket) value=("$work/nothing") ;;
	--config) value=("$work/empty.conf") ;;
	esac
	said=$("$BUILD/vmseg" "$option" "${value[@]}" "$@" 2>&1) || true
	[[ $said != Usage:* ]]
}

. packaging/completions/vmseg.bash
export VMSEG_SOCKET=$work/socket
PATH=$BUILD:$PATH
: >"$work/empty.conf"

check_equal "completion is registered" "complete -F _vmseg vmseg" "$(complete -p vmseg)"
check_equal "every command is offered" "$(first_words | sort -u)" "$(offered '')"
check_equal "only those that begin so" "$(words sessions show status)" "$(offered s)"
for command in policy group port; do
	check_equal "every $command command is offered" \
		"$(second_words "$command" | sort)" "$(offered "$command" '')"
done
check_equal "options may come first" "$(words list)" "$(offered --json --socket /run/x li)"
check_equal "bash splits --limit=5" "$(words sessions)" "$(offered --limit = 5 ses)"
for line in status list 'show x' 'sessions x' 'policy list' 'policy show x' 'policy diff x' 'policy apply x' \
	'policy confirm' 'group list' 'group show x' 'explain x in tcp y' 'attach x' detach 'port attach x' 'port detach x' 'port release x'; do
	read -ra command <<<"$line"
	check_equal "$line: the options that it takes are offered" \
		"$(options_of "${command[@]}")" "$(offered "${command[@]}" -)"
done
check_equal "all or one" "$(words --config --json --socket)" "$(offered detach web -)"

check_equal "without a daemon there are no names" "" "$(offered show '')"
start_daemon
for line in show sessions attach detach 'port detach'; do
	read -ra command <<<"$line"
	check_equal "$line: names of domains are offered" \
		"$(words web db 'my\ \"new\"\ web')" "$(offered "${command[@]}" '')"
done
check_equal "those that begin so" 'my\ \"new\"\ web' "$(offered show m)"
check_equal "one is enough" "" "$(offered show web '')"
check_equal "an option between does not matter" "$(words web)" "$(offered show --rules w)"
check_equal "policy show: names of policies are offered" "$(words allow-out web-server)" \
	"$(offered policy show '')"
check_equal "policy confirm: names of what waits are offered" bastion \
	"$(offered policy confirm '')"
check_equal "group show: names of groups are offered" "$(words admins db)" \
	"$(offered group show '')"
check_equal "and of port attach" "$(words allow-out)" \
	"$(offered port attach tap0 --policy a)"
check_equal "port attach: devices are offered" "lo" "$(offered port attach lo)"
check_equal "list: nothing is offered" "" "$(offered list '')"

cd "$work"
touch a.xml b.xml
check_equal "policy check: files are offered" "$(words a.xml b.xml)" \
	"$(offered policy check a.xml '' | grep xml)"
check_equal "for --config, too" "empty.conf" "$(offered --config em)"
check_equal "for --config=, too" "empty.conf" "$(offered --config = em)"
for line in 'sessions --limit' 'sessions --vlan' 'policy apply --confirm' 'explain web --nic'; do
	read -ra command <<<"$line"
	check_equal "$line: a value cannot be guessed" "" "$(offered "${command[@]}" '')"
done
check_equal "explain --policy: files are offered" "$(words a.xml b.xml)" \
	"$(offered explain --policy '' | grep xml)"
check_equal "what follows it can" "$(words a.xml b.xml empty.conf)" \
	"$(offered policy apply --confirm 5 '' | grep -v socket)"

done_testing
