# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion of vmseg's command line in bash: commands, options, names of domains, policies and
# groups as the daemon knows them, files.

# _vmseg_names COMMAND...: the names in what a listing command prints as JSON, one a line. Without
# a daemon, or without leave to ask it, there are none.
_vmseg_names() {
	# Members of the list's items stand 6 blanks deep; strings in them keep their escapes.
	vmseg "$@" --json 2>/dev/null |
		sed -n 's/^      "name": "\(.*\)",\{0,1\}$/\1/p' |
		sed 's/\\\(["\\]\)/\1/g'
}

# _vmseg_offer WORD...: those of the words that begin with what is being typed, quoted as bash
# needs them.
_vmseg_offer() {
	local word typed=${_vmseg_typed#[\"\']}

	for word in "$@"; do
		[[ $word != "$typed"* ]] || COMPREPLY+=("$(printf '%q' "$word")")
	done
}

_vmseg_offer_names() {
	local names

	mapfile -t names < <(_vmseg_names "$@")
	_vmseg_offer "${names[@]}"
}

_vmseg_offer_devices() {
	local devices=(/sys/class/net/*)

	_vmseg_offer "${devices[@]##*/}"
}

_vmseg_offer_files() {
	# -o filenames has bash quote them, and put a slash after directories.
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$_vmseg_typed")
}

# Takes the line apart, up to the word that is being typed:
#   _vmseg_typed      that word, as far as it is there
#   _vmseg_option     the option whose value it is, or ""
#   _vmseg_command    the command before it, or ""
#   _vmseg_arguments  how many of the command's arguments are before it
_vmseg_read_line() {
	local i word

	_vmseg_typed=${COMP_WORDS[COMP_CWORD]} _vmseg_option='' _vmseg_command='' _vmseg_arguments=0
	# bash takes "--limit=5" for three words, and "--limit=" for two.
	[ "$_vmseg_typed" != = ] || _vmseg_typed=
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ "$word" = = ]; then
			continue
		elif [ -n "$_vmseg_option" ]; then
			_vmseg_option=
		elif [[ $word == --@(config|socket|limit|nic|vlan|confirm|policy|mac|address|group) ]]; then
			_vmseg_option=$word
		elif [[ $word == -* ]]; then
			continue
		elif [ -z "$_vmseg_command" ]; then
			_vmseg_command=$word
		elif [[ $_vmseg_command == @(policy|group|port) ]]; then
			_vmseg_command+=" $word"
		else
			((++_vmseg_arguments))
		fi
	done
}

_vmseg_offer_options() {
	_vmseg_offer --json --socket --config
	case $_vmseg_command in
	'') _vmseg_offer --version --help ;;
	show) _vmseg_offer --rules ;;
	sessions) _vmseg_offer --limit --vlan ;;
	explain) _vmseg_offer --nic --policy --vlan ;;
	'policy diff') _vmseg_offer --limit ;;
	'policy apply') _vmseg_offer --confirm ;;
	detach) ((_vmseg_arguments > 0)) || _vmseg_offer --all ;;
	'port attach') _vmseg_offer --policy --mac --address --group --replace --force ;;
	esac
}

_vmseg_offer_arguments() {
	case $_vmseg_command in
	'')
		_vmseg_offer status list show sessions explain policy group monitor reload attach detach port help
		;;
	policy)
		_vmseg_offer list show check diff apply confirm rollback delete
		;;
	group)
		_vmseg_offer list show
		;;
	port)
		_vmseg_offer attach detach release
		;;
	'port attach' | 'port release')
		((_vmseg_arguments > 0)) || _vmseg_offer_devices
		;;
	'policy check' | 'policy diff' | 'policy apply')
		_vmseg_offer_files
		;;
	'policy show' | 'policy delete')
		((_vmseg_arguments > 0)) || _vmseg_offer_names policy list
		;;
	'policy confirm' | 'policy rollback')
		((_vmseg_arguments > 0)) || _vmseg_offer_names status
		;;
	'group show')
		((_vmseg_arguments > 0)) || _vmseg_offer_names group list
		;;
	show | sessions | explain | attach | detach | 'port detach')
		((_vmseg_arguments > 0)) || _vmseg_offer_names list
		;;
	esac
}

_vmseg() {
	local _vmseg_typed _vmseg_option _vmseg_command _vmseg_arguments

	COMPREPLY=()
	_vmseg_read_line
	case $_vmseg_option in
	--config | --socket) _vmseg_offer_files ;;
	--policy)
		if [ "$_vmseg_command" = explain ]; then
			_vmseg_offer_files
		else
			_vmseg_offer_names policy list
		fi
		;;
	--group) _vmseg_offer_names group list ;;
	--limit | --nic | --vlan | --confirm | --mac | --address) ;;
	*)
		if [[ $_vmseg_typed == -* ]]; then
			_vmseg_offer_options
		else
			_vmseg_offer_arguments
		fi
		;;
	esac
}

complete -F _vmseg vmseg
