#!/bin/sh
# shells: sh
# SPDX-License-Identifier: MIT
#
# A tour through busybox and its shell: about a hundred distinct commands, each with an output
# that depends on nothing but what it is given. Runs on Linux and on Quire; both must print the
# same bytes.

umask 022
TZ=UTC
export TZ
unset HISTFILE

section() { printf '\n== %s\n' "$*"; }

section words and numbers
seq 1 10 | tr '\n' ' '; echo
seq -w 8 11 | sort -r | paste -s -d, -
seq 5 -2 -3 | xargs
expr 6 \* 7
echo $((0x1f + 3 * (2 ** 5) - 017 % 4)) $((1 << 40)) $((-7 / 2)) $((5 > 3 ? 10 : 20))
factor 360 97 1001
printf '%5.2f|%-6s|%06d|%x|%o|%c\n' 3.14159 left 42 255 8 z
dc -e '2 3 ^ 4 + p'
echo '10 / 4; 2^20; scale=3; 22/7' | bc
basename /usr/share/doc.txt .txt; dirname /usr/share/doc.txt
cal 2 2024 | sed 's/ *$//'

section files
mkdir -p a/b/c a/d
echo one > a/one.txt; echo two > a/b/two.txt; echo three > a/b/c/three.txt
cp a/one.txt a/d/copy.txt; cp -r a/b a/d/
mv a/d/copy.txt a/d/moved.txt
ln a/one.txt a/hard.txt; ln -s ../one.txt a/b/soft; readlink a/b/soft
find a | sort
find a -name '*.txt' -type f | sort | xargs cat | md5sum
find a -type l -o -empty | sort
stat -c '%n %s %h %F' a/one.txt a/b/soft; stat -c '%n %h %F' a/b
[ a/one.txt -ef a/hard.txt ] && echo same file
touch -d '2001-02-03 04:05:06' a/one.txt; date -r a/one.txt '+%Y-%m-%d %H:%M:%S'
chmod 640 a/one.txt; stat -c '%a %A' a/one.txt; chmod u+x,g-r,o=w a/one.txt; stat -c %a a/one.txt
ls a; ls -1F a/b; ls -A a/d
rm a/hard.txt; stat -c %h a/one.txt
rmdir a/d 2>/dev/null || echo not empty
truncate -s 100 a/hole; wc -c < a/hole; du -a a/b | wc -l
realpath a/b/soft | sed "s|$PWD|HERE|"
mktemp -d ./tmpXXXXXX | sed 's/XXXXXX//; s/tmp....../tmpdir/'; rmdir tmp*
cp -p a/one.txt a/other; stat -c '%a %Y' a/other; unlink a/other; ls a/other 2>&1 | sed 's/.*: //'
cat a/nothing 2>&1; echo "status $?"
dd if=/dev/zero of=zeros bs=1k count=3 2>/dev/null; od -An -c zeros; cmp zeros /dev/zero 2>&1 | head -c 20; echo
dd if=a/b/two.txt bs=1 skip=1 count=2 2>/dev/null; echo
rm zeros; shred -u -n 1 a/hole 2>/dev/null; ls a

section text
cat > poem <<'EOF'
The curfew tolls the knell of parting day,
The lowing herd wind slowly o'er the lea,
The plowman homeward plods his weary way,
And leaves the world to darkness and to me.
EOF
wc poem; head -n 1 poem; tail -n 1 poem; tac poem | head -n 2; nl poem | tail -n 1
grep -n the poem; grep -ci THE poem; grep -o '[a-z]*ow[a-z]*' poem | wc -l; grep -v the poem; grep -E -o 'p[a-z]+ing|kn.ll' poem
grep -r -l o a | sort; grep -r three a | sort
sed -n '2p; s/the/THE/gp' poem | head -n 3; sed -e '/herd/d' -e 'y/abc/ABC/' -e '$s/$/ (end)/' poem
sed ':a;N;$!ba;s/\n/ | /g' poem | cut -c 1-60
cut -d' ' -f2,4 poem; tr 'a-z' 'A-Z' < poem | rev | head -n 1
tr -cs 'A-Za-z' '\n' < poem | tr A-Z a-z | sort | uniq -c | sort -k1,1nr -k2 | head -n 5 | awk '{print $1, $2}'
awk '{ n += NF; if (length($0) > m) m = length($0) } END { print NR, n, m }' poem
awk -F, 'BEGIN { OFS = ";" } { $1 = toupper($1); print $1 } /lea/ { exit }' poem
awk 'BEGIN { for (i = 1; i <= 5; i++) { f = i * (f ? f : 1); printf "%d! = %d\n", i, f } print substr("abcdef", 2, 3), index("abc", "c"), sprintf("%.3f", 22 / 7), toupper("x"), length("four") }'
awk '{ count[length($1)]++ } END { for (k in count) print k, count[k] }' poem | sort -n
fold -w 20 poem | head -n 3; expand -t 4 poem | head -c 10; echo
printf '1 a\n2 b\n' > j1; printf '1 x\n2 y\n' > j2
paste j1 j2; diff j1 j2; echo "diff $?"; diff -u poem poem && echo equal
sort -t' ' -k2 -r j1; sort -n -u <<'EOF'
10
9
10
1
EOF
shuf -i 1-5 | sort | tr -d '\n'; echo
strings poem | head -n 1; hexdump -C j1; od -An -tx1 j1; xxd j1 2>/dev/null | head -n 1
printf 'a\tb\n' | cat -A; printf 'unix\r\n' | dos2unix | od -c | head -n 1
echo 'hello world' | tee copy1 copy2 | wc -w; cat copy1 copy2

section archives and sums
tar -cf t.tar a && tar -tf t.tar | sort | head -n 4; mkdir out && tar -xf t.tar -C out && diff -r a out/a && echo tar equal
gzip -k poem && zcat poem.gz | cmp - poem && gunzip -c poem.gz | md5sum; rm poem.gz
bzip2 -k poem 2>/dev/null && bunzip2 -c poem.bz2 | cmp - poem && echo bzip2 equal; rm -f poem.bz2
tar -czf t.tgz a/b && tar -xzOf t.tgz a/b/two.txt
find a | sort | cpio -o -H newc 2>/dev/null > t.cpio; mkdir cp && (cd cp && cpio -id < ../t.cpio 2>/dev/null; find . -type f | sort)
md5sum poem; sha1sum poem; sha256sum poem | cut -c 1-16; sha3sum poem | cut -c 1-16; crc32 poem
sha512sum poem > check && sha512sum -c check; base64 poem | head -n 1; base64 poem | base64 -d | cmp - poem && echo same
uuencode poem < j1 | head -n 2

section the shell itself
x=hello; echo "${x}" "${x#he}" "${x%lo}" "${x%%l*}" "${#x}" "${x:-d}" "${y:-default}" "${y:=set}" "$y" "${x:+alt}" "${x/l/L}" "${x//l/L}" "${x:1:3}"
set -- a 'b c' d; echo $# "$2" "$*"; shift; echo "$@"; for i; do echo "<$i>"; done
case hello in h*o) echo glob;; *) echo none;; esac
if [ 3 -gt 2 ] && [ abc != abd ] && test -d a -a ! -f a; then echo conditions; fi
i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo loop $i; done
until [ $i = 0 ]; do i=$((i - 1)); done; echo down $i
f() { local v=inner; echo "$v $1 $#"; return 3; }; v=outer; f arg; echo "$? $v"
echo $(echo nested $(echo deep $(echo deeper))) `echo back`
( x=subshell; cd a; echo $x "$(basename $PWD)" ); echo $x "$(basename a)"
{ echo grouped; echo twice; } | sort -r
echo 'single $x' "double $x" \$x; echo a{b,c}d ~root "a  b"
cat <<EOF
here $x $((2 + 3)) $(echo command)
EOF
printf 'cat <<-END\n\ttabs $x go\n\tEND\n' > heredoc; . ./heredoc; rm heredoc
echo out; echo err >&2; { echo both; echo both2 >&2; } 2>&1 | cat
exec 3> fd3; echo three >&3; exec 3>&-; cat fd3; cat < fd3 3< poem >&2 2>/dev/null
echo *.t?r [ab]; echo nothing*; set -f; echo *; set +f
IFS=:; set -- x:y:z; for p in $1; do printf '%s ' "$p"; done; echo; unset IFS
printf 'a b\nc d\n' | while read -r first second; do echo "$second $first"; done
read line < poem; echo "$line"; printf 'no newline' | { read -r q || echo "at the end: $q"; }
eval 'z=evaluated'; echo $z; type cd | head -c 2; echo; command -v echo; alias ll='ls -l'; alias ll
true && echo yes || echo no; false && echo yes || echo no; ! true; echo $?
getopts ab: o -a -b val; echo $o; getopts ab: o -a -b val; echo $o $OPTARG
sh -c 'echo $0 $1' name arg; sh -c 'exit 7'; echo $?; sh -e -c 'false; echo never'; echo $?
sh -u -c 'echo $undefined' 2>/dev/null || echo unset is an error
env -i A=1 B=2 sh -c 'echo $A$B'; export E=exported; sh -c 'echo $E'; A=once sh -c 'echo $A'; readonly R=1; (R=2) 2>/dev/null || echo readonly

section processes
sleep 0.05 & wait $!; echo waited $?
(exit 3) & wait $!; echo $?
for n in 3 1 2; do (sleep 0.$n; echo job $n) & done; wait; echo all done
sleep 10 & kill $!; wait $! 2>/dev/null; echo killed $?
sleep 10 & kill -9 $!; wait $! 2>/dev/null; echo killed $?
trap 'echo caught TERM' TERM; kill $$; trap - TERM
trap 'echo caught USR1' USR1; (kill -USR1 $$); sleep 0.1; trap '' USR1; kill -USR1 $$; echo ignored
sh -c 'trap "echo leaving" EXIT; echo working'
timeout 1 true; echo $?; timeout 0.1 sleep 5; echo timeout $?
mkfifo pipe; (cat pipe; echo reader done) & echo through a fifo > pipe; wait
yes | head -n 3; seq 1 100000 | tail -n 1; seq 1 100000 | head -n 2; seq 100000 | md5sum
cat /dev/null; head -c 5 /dev/zero | od -An -tx1; : > /dev/full 2>/dev/null; echo data > /dev/null; echo full > /dev/full 2>/dev/null || echo no room
time -f timed true; setsid echo setsid; usleep 1000; nproc > /dev/null; env | grep -c ^TZ=UTC
seq 1 7 | xargs -n 3 echo row; printf 'a\0b c\0' | xargs -0 -n 1 echo item; find a -name '*.txt' -exec basename {} \; | sort
seq 3 | xargs -I{} sh -c 'echo {}-{}'; which sh > /dev/null && echo which
kill -l 9; kill -l TERM; pidof nothing-of-that-name || echo no such process
sh -c 'kill -SEGV $$' 2>/dev/null; echo "$?"; sh -c 'ulimit -n 64; ulimit -n'; (ulimit -S -c 0; ulimit -c)
id -u | grep -q '^[0-9]*$' && echo id; whoami > /dev/null && echo whoami; uname -s; tty; pwd | sed 's|.*/||' | grep -q . && echo pwd; env | grep ^E=
date -u -d @86400 '+%F %T'; date -u -d '2024-02-29 12:00' +%j; test -t 0 || echo not a terminal
watch_file=poem; [ "$(wc -l < $watch_file)" -eq 4 ] && echo four lines; cat poem poem | wc -l
tr -d '\n' < poem | wc -c; hostname > /dev/null && echo hostname; sync; sleep 0; clear > /dev/null 2>&1; reset > /dev/null 2>&1 < /dev/null
ls -l /proc/self/exe > /dev/null && echo proc; grep -c ^processor /proc/cpuinfo > /dev/null && echo cpuinfo; free > /dev/null && ps > /dev/null && uptime > /dev/null && mount > /dev/null && df > /dev/null && echo views
rm -rf a out cp t.* j1 j2 copy* poem check fd3 pipe; ls
echo end
