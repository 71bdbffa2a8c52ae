#compdef tillstream
# zsh completion of tillstream. The program itself says what can come next; nothing else is run.
_tillstream() {
  local -a asked answers
  asked=("${(@)words[2,CURRENT-1]}")
  [[ $words[CURRENT] == -* ]] && asked+=("$words[CURRENT]")
  answers=("${(@f)$(SHELL=zsh $words[1] $asked --generate-bash-completion 2>/dev/null)}")
  if [[ -n $answers[1] ]]; then _describe tillstream answers; else _files; fi
}
# In a file of $fpath this text is the function; read by `source` it is not.
if [[ $funcstack[1] == _tillstream ]]; then _tillstream "$@"; else compdef _tillstream tillstream; fi
