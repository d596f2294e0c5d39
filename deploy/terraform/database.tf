# The primary has a standby in the other zone, and a replica to read from.

resource "aws_db_subnet_group" "this" {
  name       = local.name
  subnet_ids = aws_subnet.data[*].id
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "PostgreSQL, for the servers"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each          = toset(local.servers)
  security_group_id = aws_security_group.database.id
  description       = "The servers of a zone"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}

# As in deploy/ecs/data.yaml.
resource "aws_db_parameter_group" "this" {
  name   = "${local.name}-17"
  family = "postgres17"

  parameter {
    name         = "rds.force_ssl"
    value        = "1"
    apply_method = "pending-reboot"
  }

  dynamic "parameter" {
    for_each = {
      checkpoint_timeout                = "1800"
      jit                               = "0"
      log_connections                   = "1"
      log_disconnections                = "1"
      log_error_verbosity               = "terse"
      log_lock_waits                    = "1"
      log_min_duration_statement        = "500"
      log_parameter_max_length          = "0"
      log_parameter_max_length_on_error = "0"
      log_statement                     = "ddl"
      log_temp_files                    = "0"
      random_page_cost                  = "1.1"
      wal_compression                   = "lz4"
    }
    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }
}

ephemeral "aws_secretsmanager_secret_version" "owner" {
  secret_id = aws_secretsmanager_secret_version.owner.secret_id
}

resource "aws_db_instance" "primary" {
  identifier                      = local.name
  engine                          = "postgres"
  engine_version                  = "17"
  instance_class                  = var.database_class
  allocated_storage               = 50
  max_allocated_storage           = 500
  storage_type                    = "gp3"
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.this.arn
  multi_az                        = true
  db_name                         = "larder"
  username                        = "larder_owner"
  password_wo                     = ephemeral.aws_secretsmanager_secret_version.owner.secret_string
  password_wo_version             = var.password_version
  db_subnet_group_name            = aws_db_subnet_group.this.name
  vpc_security_group_ids          = [aws_security_group.database.id]
  parameter_group_name            = aws_db_parameter_group.this.name
  backup_retention_period         = 14
  backup_window                   = "02:00-03:00"
  maintenance_window              = "sun:03:30-sun:04:30"
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
  deletion_protection             = true
  final_snapshot_identifier       = "${local.name}-last"
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.this.arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn

  iam_database_authentication_enabled = true

  # Of a restore (docs/deploy/aws.md): without the lines the next apply replaces what it made.
  lifecycle {
    ignore_changes = [db_name, restore_to_point_in_time]
  }
}

resource "aws_db_instance" "replica" {
  #checkov:skip=CKV_AWS_157:The primary has a standby; pages come from it while this one is away.
  #checkov:skip=CKV_AWS_293:Holds nothing that the primary does not.
  identifier                      = "${local.name}-replica"
  replicate_source_db             = aws_db_instance.primary.identifier
  instance_class                  = var.database_class
  max_allocated_storage           = 500
  storage_type                    = "gp3"
  storage_encrypted               = true # As its primary is: without the line each apply makes it anew.
  vpc_security_group_ids          = [aws_security_group.database.id]
  parameter_group_name            = aws_db_parameter_group.this.name
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
  skip_final_snapshot             = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.this.arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn

  iam_database_authentication_enabled = true
}

resource "aws_iam_role" "monitoring" {
  name_prefix = "${local.name}-monitoring-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
