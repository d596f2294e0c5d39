#!/bin/sh
# Makes the passwords of a cluster, and the files that name them: sh deploy/patroni/secrets.sh FOLDER
# A file that is there is kept. The folder is for its owner alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
umask 077
mkdir -p "$1"
cd "$1"
[ ! -e patroni.env ] || exit 0

random() {
    od -An -N 24 -tx1 /dev/urandom | tr -d ' \n'
}

app=$(random)
owner=$(random)
cat >server.env <<END
SECRET_KEY=$(random)$(random)
$(sed "/^#/d; s/PASSWORD/$app/" "$here/server.env.example")
END
echo "OWNER_DATABASE_URL=postgresql://larder_owner:$owner@127.0.0.1:5000/larder" >owner.env
echo "\"larder_app\" \"$app\"" >userlist.txt
# PgBouncer's user in a container has another number.
chmod 644 userlist.txt
sed -e '/^#/d' -e "s/^OWNER_PASSWORD=/&$owner/" "$here/patroni.env.example" >patroni.env.new
for name in REPLICATION REWIND RESTAPI; do
    sed "s/^PATRONI_${name}_PASSWORD=/&$(random)/" patroni.env.new >patroni.env.newer
    mv patroni.env.newer patroni.env.new
done
mv patroni.env.new patroni.env
