#!/bin/bash
# shells: bash
# SPDX-License-Identifier: MIT
#
# What bash has beyond a plain shell, and more than sixty commands of busybox under it. Prints
# nothing that depends on the machine: Linux and Quire must print the same bytes.

umask 022
export TZ=UTC LC_ALL=C
set -o pipefail
shopt -s extglob

section() { printf '\n== %s\n' "$*"; }

section arrays and expansion
a=(zero one "two words" three); a+=(four); echo "${#a[@]} ${a[2]} ${a[-1]} ${a[*]:1:2}"; unset 'a[1]'; echo "${!a[@]}"
declare -A m=([red]=1 [green]=2 [blue]=3); m[black]=0; for k in "${!m[@]}"; do echo "$k=${m[$k]}"; done | sort
s="Hello, World"; echo "${s^^} ${s,,} ${s/o/0} ${s//o/0} ${s:7} ${s: -5:3} ${#s} ${s%%,*} ${s##* }"
echo {a..e} {1..10..3} {x,y}{1,2} pre{A,B}post; printf '%s\n' {03..01}; printf '%q %b\n' "a b" 'x\ty'; printf -v v '%03d' 7; echo "$v"
[[ abc == a* && abc =~ ^(a)(b) ]] && echo "${BASH_REMATCH[2]}"; [[ 10 -gt 9 ]] && echo numbers; [[ b > a ]] && echo words
(( i = 5, i += 3, i <<= 2 )); echo $i $((i ** 2)) $((16#ff)) $((2#1010)); for ((i = 0; i < 3; i++)); do echo -n "$i "; done; echo
shopt -s nullglob; touch f1 f2 g1 f10; echo f+([0-9]) !(f*|*.sh) none*; shopt -u nullglob; echo none*; rm f1 f2 g1 f10
set -- one two three; echo "${@:2}" "${!#}" $#; x=set; n=x; echo "${!n}" "${x@Q}" "${y:-unset}"; declare -i sum=3+4; echo $sum
IFS=, read -r p q r <<< "1,2,3"; echo "$r$q$p"; mapfile -t lines < <(seq 3); echo "${lines[@]}"; read -r -d: w <<< "until:colon"; echo "$w"
fib() { (( $1 < 2 )) && echo $1 || echo $(( $(fib $(($1 - 1))) + $(fib $(($1 - 2))) )); }; fib 10
local_test() { local x=in; nested; }; nested() { echo "dynamic $x"; }; local_test; echo "$x"
select_case() { case $1 in [0-9]*) echo digit ;;& 5*) echo five ;& never) echo through ;; *) echo other ;; esac; }; select_case 5; select_case q

section redirection
cat <<< "here string"; cat <<EOF | tr a-z A-Z
document with $((1 + 1)) lines
and `echo a command`
EOF
diff <(seq 1 5) <(seq 2 6); echo "diff $?"; cmp <(echo same) <(echo same) && echo process substitution
echo split > >(cat; echo from the other side) | cat; exec 5<> rw; echo first >&5; exec 5>&-; cat rw; rm rw
{ echo out; echo err >&2; } > both.txt 2>&1; cat both.txt; echo more &>> both.txt; wc -l < both.txt; rm both.txt
exec {fd}< /dev/null; [ "$fd" -ge 10 ] && echo descriptor; exec {fd}<&-; : | false | true; echo "${PIPESTATUS[*]} $?"
coproc CAT { cat; }; echo through a coprocess >&"${CAT[1]}"; eval "exec ${CAT[1]}>&-"; cat <&"${CAT[0]}"; wait $! ; echo "coproc $?"
set -o noclobber; echo once > nc; (echo twice > nc) 2> /dev/null || echo protected; echo forced >| nc; cat nc; set +o noclobber; rm nc

section files and text
mkdir -p tree/{left,right}/{1,2}; for d in tree/*/*; do echo "$d" > "$d/name"; done; find tree -name name | sort | xargs cat
find tree -type d | wc -l; find tree -name 1 -prune -o -type f -print | sort; find tree -path '*left*' -name name -exec md5sum {} + | sort -k2
cp -a tree copy; ln -s ../left tree/right/link; ls -R tree; diff -r tree copy; mv copy/left copy/middle; ls copy; rm -r copy
tar -cf - tree | tar -tf - | sort | tail -n 3; tar -czf t.tgz tree; mkdir x; tar -xzf t.tgz -C x; find x -type f | sort; rm -r x t.tgz
seq 1000 | gzip | gunzip | md5sum; seq 100 | bzip2 | bunzip2 | tail -n 1; seq 50 | base64 | base64 -d | sha1sum; seq 9 | uuencode n | uudecode -o - | tr '\n' ' '; echo
printf '%s\n' banana apple cherry apple | sort | uniq -c | awk '{print $2 ":" $1}'; printf '3 c\n1 a\n2 b\n' | sort -n | cut -d' ' -f2 | paste -s -d+
seq 20 | awk '{ s += $1; if ($1 % 2) odd++ } END { printf "%d %d %.2f\n", s, odd, s / NR }'; awk -v n=5 'BEGIN { while (n-- > 0) printf "%s ", n; print "" }'
echo "2024-03-15" | sed -E 's/([0-9]+)-([0-9]+)-([0-9]+)/\3.\2.\1/'; seq 10 | sed -n '3,5p;7q'; seq 3 | sed '2i\inserted' ; seq 3 | sed '$!N;s/\n/-/'
grep -rn left tree | sort; grep -c . tree/left/1/name; grep -L right -r tree | sort; egrep 'a|b' <<< $'a\nc\nb'; fgrep . <<< 'a.b'; seq 30 | grep -A1 -B1 '^15$' | xargs
tr a-y b-z <<< "hal"; rev <<< "stressed"; fold -w 3 <<< abcdefg; nl -b a <<< $'x\ny'; tac <<< $'1\n2\n3' | xargs; expand <<< $'a\tb' | od -An -c; cut -c2-4 <<< abcdef
dd if=/dev/zero bs=512 count=8 2> /dev/null | wc -c; head -c 16 /dev/zero | xxd -p; od -An -tu1 <<< "AZ"; hexdump -v -e '1/1 "%02x "' <<< hi; echo; strings <<< "printable"
stat -c '%a %s %n' tree/left/1/name; chmod 600 tree/left/1/name; stat -c %A tree/left/1/name; touch -d '1999-12-31 23:59:59' old; [[ old -ot tree ]] && date -r old +%s; rm old
ln tree/left/1/name hard; stat -c %h hard; [[ hard -ef tree/left/1/name ]] && echo one file; readlink -f tree/right/link | sed 's|.*/||'; truncate -s 5 hard; cat tree/left/1/name; echo; unlink hard
mkfifo q; seq 5 > q & paste -s -d, q; wait; [[ -p q ]] && echo fifo; rm q; dirname a/b/c; basename a/b/c.d .d; factor 91; expr length hello; cal 9 1752 | wc -l
pushd tree > /dev/null; pushd left > /dev/null; dirs -p | wc -l; popd > /dev/null; cd ..; [[ -d tree ]] && echo home; rm -rf tree; yes no | head -n 2 | xargs; tee t1 t2 <<< both | cat - t1 t2; rm t1 t2

section processes
sleep 0.1 & wait -n $!; echo first; sleep 5 & jobs -r | wc -l; kill $!; wait $! 2> /dev/null; echo $?; (exit 9) & wait $!; echo $?
for i in 1 2 3 4 5; do (echo $((i * i)) > r$i) & done; wait; cat r?; rm r?; kill -0 $$ && echo alive; kill -l USR1
trap 'echo got $?' USR1; (exit 4); kill -USR1 $$; trap - USR1; bash -c 'trap "echo bye" EXIT; exit 6'; echo $?; trap 'echo error at line ok' ERR; false; trap - ERR
bash -c 'sleep 5 & p=$!; kill -TERM $p; wait $p; echo $?' 2> /dev/null; bash -c 'kill -INT $$; sleep 1' ; echo $?; timeout 0.2 bash -c 'while :; do :; done'; echo $?
( trap '' TERM; kill -TERM $BASHPID; echo survived ); bash -c 'ulimit -s; ulimit -n 32; ulimit -n' | tail -n 1; bash -c 'exec sh -c "echo replaced"'; bash -euc 'echo "$nope"' 2> /dev/null; echo $?
echo one two three | xargs -n1 -P1 echo item; seq 4 | xargs -I@ bash -c 'echo @ $((@ * 2))'; find . -name '*.sh' -exec sh -c 'basename "$1"' _ {} \;; command time -f timed true; setsid true && echo setsid
env -i X=1 bash -c 'echo $X'; export F=exported; bash -c 'echo $F'; G=temp bash -c 'echo $G'; f() { echo function $1; }; export -f f; bash -c 'f exported'; bash --norc -c 'echo ${0##*/}' name
a=$(cat /nonexistent 2>&1); echo $? "${a##*: }"; command -v cd; type -t for f cat; hash -r; enable -n pwd; type -t pwd; enable pwd; let z=3*7; echo $z; printf '%(%Y)T\n' 0; echo ${BASH_VERSINFO[0]}
set -e; false || echo not fatal; (set -e; false; echo never) || echo "subshell $?"; set +e; bash -c 'set -u; : ${V:?needed}' 2> /dev/null; echo $?; eval 'echo $((1+1))'; source /dev/stdin <<< 'echo sourced'
exit_in_pipe() { echo before; exit 3; }; exit_in_pipe | cat; echo "${PIPESTATUS[0]}"; seq 100000 | md5sum; { sleep 0.05; echo late; } | cat; read -t 0.05 nothing < <(sleep 1); echo $((  $? > 128 ))
ls; exit 12
