# bash completion for allium(1)
_allium() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]-}
  local verbs='
    node status peers circuits id join address expose unexpose services service dht sim version help'
  local client='--json --control --state --config --help'
  local node='
    --config --check-config --help --state --relay --no-relay --hops --padding --drain
    --log-level --network --network-secret-file --join --listen --port --announce --socks
    --socks-connections --exit-policy --control --limit-links --limit-circuits --limit-streams
    --limit-peers --limit-creates --limit-records'
  local -a look
  case $prev in
    --config | --network-secret-file | --control | --key | --clients) look=(-f) ;;
    --state) look=(-d) ;;
    --padding) look=(-W 'off reduced') ;;
    --log-level) look=(-W 'error warning info debug') ;;
    *)
      case $verb in
        node) look=(-W "$node") ;;
        help) look=(-W "$verbs") ;;
        dht) look=(-W "put get lookup --direct --mutable --salt --key $client") ;;
        version) look=(-W --help) ;;
        expose) look=(-W "--name --port --clients $client") ;;
        service) look=(-W "export import client-key --name --port --clients $client") ;;
        sim)
          look=(-f)
          [[ $cur == -* ]] && look=(-W '--nodes --seed --set --json --trace --keys --out --help')
          ;;
        *) look=(-W "$client") ;;
      esac
      ;;
  esac
  [[ $COMP_CWORD -eq 1 ]] && look=(-W "$verbs --help --version")
  mapfile -t COMPREPLY < <(compgen "${look[@]}" -- "$cur")
}
complete -F _allium allium
