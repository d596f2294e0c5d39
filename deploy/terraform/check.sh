#!/bin/sh
# Its form and, where the provider can be had, its names and types by terraform; what an attacker would
# look for by checkov, which reads it without either. TERRAFORM_PLUGINS names a folder with the
# provider, for a machine without a network. That AWS accepts it is not checked by anything.
set -eu
here=deploy/terraform
scanner=.venv-deploy-checkov
if command -v terraform >/dev/null; then
    terraform fmt -check -recursive "$here"
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    cp -R "$here"/*.tf "$here/eks" "$copy"
    if terraform -chdir="$copy" init -backend=false -input=false \
        ${TERRAFORM_PLUGINS:+"-plugin-dir=$TERRAFORM_PLUGINS"} >"$copy/said" 2>&1; then
        terraform -chdir="$copy" validate
    else
        tail -n 3 "$copy/said"
        echo "terraform validate: not run, the provider could not be had"
    fi
else
    echo "terraform fmt and validate: not run, there is no terraform here"
fi
VENV=$scanner sh tools/bootstrap.sh requirements/deploy-checkov.txt
# Each finding that is let pass has its reason beside it.
"$scanner/bin/checkov" --framework terraform --directory "$here" --skip-download --compact --quiet
echo "Not checked here: whether AWS accepts it."
