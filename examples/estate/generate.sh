#!/usr/bin/env bash
# Writes every file of the estate that follows from the schemas; with --check, says which are not as they should be.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
status=0
while read -r line; do
    # shellcheck disable=SC2086 # a line is words
    estate $line "$@" </dev/null || status=1
done <<'END'
docs --out docs/settings.md
docs --format html --out docs/settings.html
generate dotenv --out .env.example
generate iam --out infrastructure/iam.json
generate terraform --out infrastructure/terraform/secrets-manager.tf
generate kubernetes-accounts ai etl backend --out k8s/service-accounts.yaml
generate kubernetes-deployment backend --out k8s/backend-deployment.yaml
generate kubernetes-deployment ai --out k8s/ai-deployment.yaml
generate kubernetes-worker ai --out k8s/ai-worker-deployment.yaml
generate kubernetes-deployment etl --out k8s/etl-deployment.yaml
generate kubernetes-cronjob etl --out k8s/etl-cronjob.yaml
END
exit $status
