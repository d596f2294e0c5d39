#!/bin/sh
# Has every file of deploy/ read by the program that it is for. PYTHON names an interpreter with the
# development packages. A program that is missing fails, but for Terraform's and the container engine's.
# That a platform accepts the files is checked by nothing here.
set -eu
cd "$(dirname "$0")/.."
# Debian has nginx where only root looks; kubectl is among the packages.
PATH=$(dirname "$PYTHON"):$PATH:/usr/sbin:/sbin
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
step() { echo "== $*"; }

step "scripts, Dockerfile, workflows"
for script in $(git ls-files 'deploy/*.sh'); do sh -n "$script"; done
hadolint Dockerfile
"$PYTHON" -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
zizmor --offline --quiet --no-progress --persona pedantic .github/workflows

step "compose"
"$PYTHON" -m check_jsonschema --builtin-schema vendor.compose-spec compose.yaml
docker=${DOCKER:-docker}
if $docker compose version >/dev/null 2>&1; then
    $docker compose --profile replica config --quiet
    ENV_FILE=.env.example $docker compose --profile production --profile replica --profile watching config --quiet
else
    echo "compose config: not run, there is no '$docker compose' here"
fi

step "nginx, Heroku, Elastic Beanstalk, Grafana"
"$PYTHON" -m tools.nginx
honcho check
for file in app.json deploy/grafana/dashboards/*.json; do "$PYTHON" -m json.tool "$file" /dev/null; done
sh deploy/elasticbeanstalk/bundle.sh "$copy/larder.zip"
for file in deploy/elasticbeanstalk/larder.config deploy/grafana/provisioning/*/*.yml; do
    "$PYTHON" -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$file"
done

step "Prometheus, Alertmanager"
cp -r deploy/prometheus "$copy"
sed -i 's#/run/secrets/##' "$copy/prometheus/prometheus.yml"
echo token >"$copy/prometheus/metrics_token"
promtool check config "$copy/prometheus/prometheus.yml"
promtool test rules deploy/prometheus/tests/*.yml
amtool check-config deploy/alertmanager/alertmanager.yml

step "Patroni"
# The names of the machines are this one's.
sed 's/ db[123]:/ 127.0.0.1:/' deploy/patroni/haproxy.cfg >"$copy/haproxy.cfg"
haproxy -c -q -f "$copy/haproxy.cfg"

step "Kubernetes"
# Its own kinds by its schemas; those of the Gateway API and of AWS have none here.
for folder in base eks; do
    kubectl kustomize "deploy/kubernetes/$folder" >"$copy/$folder.yaml"
    "$PYTHON" - "$copy/$folder.yaml" <<'END'
import sys

import kubernetes_validate
import yaml

for manifest in yaml.safe_load_all(open(sys.argv[1])):
    if ".k8s.aws/" not in manifest["apiVersion"] and "gateway." not in manifest["apiVersion"]:
        kubernetes_validate.validate(manifest, "1.33", strict=True)
END
done

step "CloudFormation, Terraform"
VENV=.venv-deploy sh tools/bootstrap.sh requirements/deploy.txt
# W6001: what a task that runs once needs of the other stack is named in the outputs.
.venv-deploy/bin/cfn-lint --non-zero-exit-code warning --ignore-checks W6001 -- deploy/ecs/*.yaml
# Each finding that is let pass has its reason beside it.
.venv-deploy/bin/checkov --framework cloudformation terraform --directory deploy --skip-download --compact --quiet
if command -v terraform >/dev/null; then
    terraform fmt -check -recursive deploy/terraform
    cp -R deploy/terraform "$copy"
    # TERRAFORM_PLUGINS names a folder with the provider, for a machine without a network.
    if terraform -chdir="$copy/terraform" init -backend=false -input=false \
        ${TERRAFORM_PLUGINS:+"-plugin-dir=$TERRAFORM_PLUGINS"} >"$copy/said" 2>&1; then
        terraform -chdir="$copy/terraform" validate
    else
        tail -n 3 "$copy/said"
        echo "terraform validate: not run, the provider could not be had"
    fi
else
    echo "terraform: not run, there is none here"
fi
echo "All files were read by their programs."
