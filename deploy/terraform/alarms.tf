# What is wrong with the database and the cache goes by mail to var.alarm_email. Servers have their own
# alarms (docs/how-to/deploy/watching.md).

resource "aws_sns_topic" "operators" {
  name              = "${local.name}-operators"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_subscription" "operators" {
  topic_arn = aws_sns_topic.operators.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_sns_topic_policy" "operators" {
  arn = aws_sns_topic.operators.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.operators.arn
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id } }
    }]
  })
}

resource "aws_db_event_subscription" "database" {
  name        = "${local.name}-database"
  sns_topic   = aws_sns_topic.operators.arn
  source_type = "db-instance"
  source_ids  = [aws_db_instance.primary.identifier, aws_db_instance.replica.identifier]
  event_categories = [
    "availability", "failover", "failure", "low storage", "recovery",
  ]
}

locals {
  rds   = { primary = aws_db_instance.primary.identifier, replica = aws_db_instance.replica.identifier }
  nodes = [for number in ["001", "002"] : "${aws_elasticache_replication_group.this.replication_group_id}-${number}"]

  # RDS adds storage at a tenth: a twentieth means that it has not.
  both = {
    disk        = { metric = "FreeStorageSpace", below = true, threshold = 50 * pow(1024, 3) / 20, minutes = 15 }
    connections = { metric = "DatabaseConnections", below = false, threshold = var.connections_alarm, minutes = 5 }
    credits     = { metric = "CPUSurplusCreditsCharged", below = false, threshold = 0, minutes = 30 }
    busy        = { metric = "CPUUtilization", below = false, threshold = 90, minutes = 15 }
  }
  alarms = merge(flatten([
    [for which, id in local.rds : {
      for name, one in local.both : "${which}-${name}" => merge(one, { id = id })
    }],
    { replica-lag = { metric = "ReplicaLag", below = false, threshold = 60, minutes = 5, id = local.rds.replica } },
  ])...)
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each            = local.alarms
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "Runbook: docs/how-to/deploy/terraform.md, Alarms."
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = each.value.id }
  statistic           = each.value.below ? "Minimum" : "Average"
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.minutes / 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.operators.arn]
  ok_actions          = [aws_sns_topic.operators.arn]
}

resource "aws_cloudwatch_metric_alarm" "cache" {
  for_each            = toset(local.nodes)
  alarm_name          = "${each.value}-cache-full"
  alarm_description   = "The cache throws away what is still used. Runbook: docs/how-to/deploy/terraform.md, Alarms."
  namespace           = "AWS/ElastiCache"
  metric_name         = "Evictions"
  dimensions          = { CacheClusterId = each.value }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1000
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.operators.arn]
  ok_actions          = [aws_sns_topic.operators.arn]
}
