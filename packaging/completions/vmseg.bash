# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion of vmseg's command line in bash. vmseg itself knows what may come next.

_vmseg() {
	local line=${COMP_LINE:0:COMP_POINT} words=() word kept candidate answer

	# bash separates words at = and : too. Here they are put together again.
	for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
		if [[ $line == [![:blank:]]* && ${#words[@]} -gt 0 ]]; then
			words[-1]+=$word
		else
			words+=("$word")
			line=${line#"${line%%[![:blank:]]*}"}
		fi
		line=${line#"$word"}
	done
	# bash replaces only what follows the last = or :.
	kept=${words[-1]%"${words[-1]##*[=:]}"}
	for word in "${!words[@]}"; do
		words[word]=${words[word]#[\"\']}
		words[word]=${words[word]//\\/}
	done
	mapfile -t answer < <(vmseg --complete "${words[@]:1}" 2>/dev/null)

	COMPREPLY=()
	if [ "${answer[0]:-}" = files ]; then
		# -o filenames has bash quote them, and put a slash after directories.
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]##*=}")
		return
	fi
	for candidate in "${answer[@]:1}"; do
		printf -v candidate %q "$candidate"
		COMPREPLY+=("${candidate#"$kept"}")
	done
}

complete -F _vmseg vmseg
