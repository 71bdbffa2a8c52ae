# bash completion of tillstream. The program itself says what can come next; nothing else is run.
_tillstream() {
  local current=${COMP_WORDS[COMP_CWORD]}
  local asked=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
  if [[ $current == -* ]]; then asked+=("$current"); fi
  mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${asked[@]}" --generate-bash-completion 2>/dev/null)" -- "$current")
}
complete -o default -F _tillstream tillstream
