#!/bin/sh
# Two hosts on this machine, network namespaces with a link between them:
#   hosts.sh up NAME | down NAME | run NAME COMMAND..
# `run` is mpirun with one rank on each; as its rsh_agent this file goes to a host
# by its address. NAME tells those of one test from those of another.
address() { echo "10.77.$((0x$(echo "$1" | cksum | cut -c1-4) % 250)).$2"; }
case $1 in
up)
  ip netns add "$2-1" && ip netns add "$2-2" || exit 1
  ip link add "$2-a" netns "$2-1" type veth peer name "$2-b" netns "$2-2" || exit 1
  ip -n "$2-1" addr add "$(address "$2" 1)/24" dev "$2-a"
  ip -n "$2-2" addr add "$(address "$2" 2)/24" dev "$2-b"
  for n in 1 2; do ip -n "$2-$n" link set lo up; done
  ip -n "$2-1" link set "$2-a" up && ip -n "$2-2" link set "$2-b" up ;;
down) ip netns del "$2-1"; ip netns del "$2-2" ;;
run)
  name=$2; shift 2
  net=$(address "$name" 0)/24
  export HOSTS_NAME="$name"
  exec ip netns exec "$name-1" unshare -u sh -c "hostname $name-1; exec mpirun \
    --mca plm_rsh_agent '$0' --mca btl tcp,self --mca btl_tcp_if_include $net \
    --mca oob_tcp_if_include $net -x LUA_PATH_5_4 -x LUA_CPATH_5_4 -x LUNULA_MPI_TIMEOUT \
    --host $(address "$name" 1):1,$(address "$name" 2):1 $*" ;;
*)
  while [ "${1#-}" != "$1" ]; do shift; done
  host="$HOSTS_NAME-${1##*.}"; shift
  exec ip netns exec "$host" unshare -u sh -c "hostname $host; $*" ;;
esac
