# Three secrets, none of which is in the state: the password of the tables' owner, what servers need,
# and what `manage.py prepare` needs besides.

resource "aws_kms_key" "this" {
  description         = "Larder, ${var.environment}"
  enable_key_rotation = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.here.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.here.partition}:logs:${var.region}:${data.aws_caller_identity.here.account_id}:*" }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

ephemeral "aws_secretsmanager_random_password" "owner" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "server" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "secret_key" {
  password_length     = 64
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "metrics" {
  password_length     = 40
  exclude_punctuation = true
}

locals {
  # Not verify-full: the servers may run in an image without the file of RDS's authorities.
  options = "5432/larder?sslmode=require"
}

resource "aws_secretsmanager_secret" "owner" {
  #checkov:skip=CKV2_AWS_57:password_version makes it anew, with the database's.
  name       = "larder/${var.environment}/owner"
  kms_key_id = aws_kms_key.this.arn
}

# The database takes it from here, so that both have the same one.
resource "aws_secretsmanager_secret_version" "owner" {
  secret_id                = aws_secretsmanager_secret.owner.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.owner.random_password
  secret_string_wo_version = var.password_version
}

# NAME → value, as a container or a cluster takes them from a file.
resource "aws_secretsmanager_secret" "server" {
  #checkov:skip=CKV2_AWS_57:password_version makes it anew; servers have to be replaced with it.
  name       = "larder/${var.environment}/server"
  kms_key_id = aws_kms_key.this.arn
}

resource "aws_secretsmanager_secret_version" "server" {
  secret_id = aws_secretsmanager_secret.server.id
  secret_string_wo = jsonencode({
    SECRET_KEY    = ephemeral.aws_secretsmanager_random_password.secret_key.random_password
    METRICS_TOKEN = ephemeral.aws_secretsmanager_random_password.metrics.random_password
    DATABASE_URL  = "postgresql://larder_app:${ephemeral.aws_secretsmanager_random_password.server.random_password}@${aws_db_instance.primary.address}:${local.options}"
    REPLICA_URLS  = "postgresql://larder_app:${ephemeral.aws_secretsmanager_random_password.server.random_password}@${aws_db_instance.replica.address}:${local.options}"
  })
  secret_string_wo_version = var.password_version
}

resource "aws_secretsmanager_secret" "prepare" {
  #checkov:skip=CKV2_AWS_57:password_version makes it anew, with the database's.
  name       = "larder/${var.environment}/prepare"
  kms_key_id = aws_kms_key.this.arn
}

resource "aws_secretsmanager_secret_version" "prepare" {
  secret_id = aws_secretsmanager_secret.prepare.id
  secret_string_wo = jsonencode({
    OWNER_DATABASE_URL = "postgresql://larder_owner:${ephemeral.aws_secretsmanager_secret_version.owner.secret_string}@${aws_db_instance.primary.address}:${local.options}"
  })
  secret_string_wo_version = var.password_version
}
