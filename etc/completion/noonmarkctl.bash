# Completion of noonmarkctl for bash: source this file, or install it as
# /usr/share/bash-completion/completions/noonmarkctl. tests/ctl/completion_test.py holds it against --help.

# The first word that is no option and no option's argument: the command.
_noonmarkctl_command()
{
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --socket | -c | --config | --timeout)
            if [[ ${COMP_WORDS[i + 1]} == '=' ]]; then ((i++)); fi
            ((i++))
            ;;
        -*) ;;
        *)
            printf '%s' "${COMP_WORDS[i]}"
            return
            ;;
        esac
    done
}

_noonmarkctl()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
    COMPREPLY=()
    if [[ $current == '=' ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 1]} current=
    elif [[ $previous == '=' ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $previous in
    -s | --socket | -c | --config | import | export)
        compopt -o filenames 2>/dev/null # outside of a completion, in a test, there is none
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --timeout | --id) return ;;
    esac
    local command
    command=$(_noonmarkctl_command)
    if [[ $current == -* ]]; then
        words='--socket --json --version --help'
        case $command in
        top) words+=' --once' ;;
        doctor) words+=' --config' ;;
        drain) words+=' --timeout --cancel' ;;
        keys) words+=' --id --yes --seal --force' ;;
        '') words+=' --once --config --timeout --cancel --id --yes --seal --force' ;;
        esac
    else
        case $command in
        '') words='status clock ports keys ke limits top reload doctor drain' ;;
        keys) [[ $previous =~ ^(rotate|revoke|import|export|check|derive|sum)$ ]] || words='rotate revoke import export check derive sum' ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _noonmarkctl noonmarkctl
