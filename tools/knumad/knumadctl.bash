# SPDX-License-Identifier: GPL-2.0
# bash completion for knumadctl

_knumadctl_reply()
{
	mapfile -t COMPREPLY < <(compgen "$@")
}

_knumadctl_pids()
{
	local pids=(/proc/[0-9]*)

	_knumadctl_reply -W "${pids[*]#/proc/}" -- "$1"
}

_knumadctl_options()
{
	case $1 in
	run) echo "--in --out --help" ;;
	status | explain) echo "--json --help" ;;
	top) echo "--batch --delay --rounds --sort --pid --threads --json --help" ;;
	record) echo "--interval --samples --output --pid --help" ;;
	report) echo "--pid --png --svg --json --help" ;;
	metrics) echo "--output --processes --help" ;;
	apply) echo "--dry-run --help" ;;
	*) echo "--help" ;;
	esac
}

# What kind of value option $2 of command $1 takes, if any
_knumadctl_value_of()
{
	case $1:$2 in
	top:-p | top:--pid | record:-p | record:--pid | report:-p | report:--pid) echo pid ;;
	top:-o | top:--sort) echo key ;;
	report:--png | report:--svg) echo dir ;;
	record:-o | record:--output | metrics:-o | metrics:--output) echo file ;;
	top:-[dn] | top:--delay | top:--rounds) echo number ;;
	record:-[in] | record:--interval | record:--samples) echo number ;;
	esac
}

# What the argument number $2 of command $1 is
_knumadctl_argument()
{
	case $1:$2 in
	on:1) echo mode ;;
	set:1 | explain:1) echo pid ;;
	set:2) echo choice ;;
	report:1 | apply:1) echo file ;;
	esac
}

_knumadctl_complete()
{
	case $1 in
	pid) _knumadctl_pids "$2" ;;
	key) _knumadctl_reply -W "P M L F V N" -- "$2" ;;
	mode) _knumadctl_reply -W "always opt-in" -- "$2" ;;
	choice) _knumadctl_reply -W "in out default" -- "$2" ;;
	dir) _knumadctl_reply -d -- "$2" ;;
	file) _knumadctl_reply -f -- "$2" ;;
	*) COMPREPLY=() ;;
	esac
}

# Behind -- stands another command
_knumadctl_command()
{
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	else
		_knumadctl_reply -c -- "${COMP_WORDS[COMP_CWORD]}"
	fi
}

_knumadctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} kind='' nr=1 i

	if [ "$COMP_CWORD" -eq 1 ]; then
		_knumadctl_reply -W "status on off run set explain top record report metrics
				     apply --help --version" -- "$word"
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			_knumadctl_command $((i + 1))
			return
		fi
		if [ -n "$kind" ]; then
			kind=''
		elif [[ ${COMP_WORDS[i]} == -* ]]; then
			kind=$(_knumadctl_value_of "$command" "${COMP_WORDS[i]}")
		else
			nr=$((nr + 1))
		fi
	done
	if [ -z "$kind" ] && [[ $word == -* ]]; then
		_knumadctl_reply -W "$(_knumadctl_options "$command")" -- "$word"
	else
		_knumadctl_complete "${kind:-$(_knumadctl_argument "$command" "$nr")}" "$word"
	fi
}

complete -F _knumadctl knumadctl
