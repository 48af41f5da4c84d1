#compdef vmseg
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of vmseg's command line in zsh. vmseg itself knows what may come next.

local -a answer
answer=("${(@f)$(vmseg --complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
if [[ ${answer[1]} == files ]]; then
	compset -P '*='
	_files
else
	compadd -- "${(@)answer[2,-1]}"
fi
