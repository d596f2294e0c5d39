# Counts tries to log in for all servers. It may be lost at any time.

resource "aws_elasticache_subnet_group" "this" {
  name       = local.name
  subnet_ids = aws_subnet.data[*].id
}

resource "aws_security_group" "cache" {
  name        = "${local.name}-cache"
  description = "Valkey, for the servers"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "cache" {
  for_each          = toset(local.servers)
  security_group_id = aws_security_group.cache.id
  description       = "The servers of a zone"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 6379
  to_port           = 6379
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id       = local.name
  description                = "Larder: counters of log-ins"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.cache_class
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.cache.id]
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = terraform_data.cache_token.output
  maintenance_window         = "sun:04:30-sun:05:30"
}

data "aws_secretsmanager_random_password" "cache_token" {
  password_length     = 40
  exclude_punctuation = true
}

# Kept as it was made: the source gives another one each time. The only secret in the state.
resource "terraform_data" "cache_token" {
  input = data.aws_secretsmanager_random_password.cache_token.random_password
  lifecycle {
    ignore_changes = [input]
  }
}
