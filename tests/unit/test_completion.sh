#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in bash: what is offered where, with the real command asking a daemon that knows three
# domains and two policies; and in zsh.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

BUILD=$(realpath "${BUILD:-build}")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

# What the daemon answers to the questions of completion. The second domain's name has what needs
# quoting in JSON and in the shell.
start_daemon() {
	cat >"$work/answers" <<-'END'
		{"list": {"domains": [{"name": "web", "policies": ["not-a-name"]}, {"name": "my \"new\" web"},
		                      {"name": "db"}]},
		 "group-list": {"groups": [{"name": "admins", "members": [{"domain": "web"}]}, {"name": "db"}]},
		 "policy-list": {"directory": "/etc", "policies": [
		     {"name": "allow-out", "description": "name"}, {"name": "web-server"}]},
		 "status": {"problems": [{"domain": "db", "error": "name"}], "pending": [{"name": "bastion"}]}}
	END
	tests/harness/answers.py "$VMSEG_SOCKET" "$work/answers" &
	server=$!
	check_soon 20 "there is a daemon to ask" [ -S "$VMSEG_SOCKET" ]
}

# set_line WORD...: the words as bash separates them; what follows a word of = or : only, and such a
# word itself, are not separated by a blank.
set_line() {
	local word
	COMP_WORDS=(vmseg "$@")
	COMP_CWORD=$#
	COMP_LINE=vmseg
	for word in "$@"; do
		[[ $word == [=:]* || $COMP_LINE == *[=:] ]] || COMP_LINE+=' '
		COMP_LINE+=$word
	done
	COMP_POINT=${#COMP_LINE}
}

# offered WORD...: what completion offers for the last word of the line, one a line.
offered() {
	set_line "$@"
	_vmseg
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

# offered_in_zsh WORD...: the same in zsh, whose own functions are replaced by ones that print.
offered_in_zsh() {
	zsh -f -c '
		compadd() { [ "$1" = -- ] && shift; print -rl -- "$@" }
		compset() { }
		_files() { print files }
		words=(vmseg "$@") CURRENT=$(($# + 1)) PREFIX=${words[-1]}
		. packaging/completions/vmseg.zsh' zsh "$@" | sort
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

# options_of COMMAND: the options in its help.
options_of() {
	# shellcheck disable=SC2086 # a command may have two words
	"$BUILD/vmseg" $1 --help | sed -n 's/^  \(--[a-z]*\).*/\1/p' | sort
}

. packaging/completions/vmseg.bash
export VMSEG_SOCKET=$work/socket
PATH=$BUILD:$PATH
: >"$work/empty.conf"

check "zsh is there (make deps installs it)" command -v zsh
check_equal "completion is registered" "complete -F _vmseg vmseg" "$(complete -p vmseg)"
check_equal "every command is offered" "$(first_words | sort -u)" "$(offered '')"
check_equal "only those that begin so" "$(words sessions show status)" "$(offered s)"
for command in policy group port; do
	check_equal "every $command command is offered" \
		"$(second_words "$command" | sort)" "$(offered "$command" '')"
done
check_equal "options may come first" "$(words list)" "$(offered --json --socket /run/x li)"
check_equal "bash splits --limit=5" "$(words sessions)" "$(offered --limit = 5 ses)"
for line in status 'show x' 'sessions x' 'policy diff x' 'policy apply x' 'explain x in tcp y' detach 'port attach x'; do
	read -ra command <<<"$line"
	check_equal "$line: the options that it takes are offered" \
		"$(options_of "${line% x*}")" "$(offered "${command[@]}" -)"
done

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
check_equal "also after a MAC address, which bash separates" "lo" \
	"$(offered port attach --mac 52 : 54 : 00 : 12 : 34 : 56 lo)"
check_equal "explain: in or out" "$(words in out)" "$(offered explain web '')"
check_equal "--policy=, which bash separates" "$(words allow-out)" \
	"$(offered port attach tap0 --policy = a)"
check_equal "zsh: commands" "$(words sessions show status)" "$(offered_in_zsh s)"
check_equal "zsh: names" "$(words web db 'my "new" web')" "$(offered_in_zsh show '')"
check_equal "zsh: values" "--policy=allow-out" "$(offered_in_zsh port attach --policy=a)"
check_equal "zsh: files" "files" "$(offered_in_zsh policy check '')"
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
	"$(offered policy apply --confirm 5 '' | grep -v 'socket\|answers')"

done_testing
