# What the cloud sees by itself. The service's own alerts are those of deploy/prometheus/rules.yaml.
resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  redis    = { CacheClusterId = "${aws_elasticache_replication_group.this.replication_group_id}-001" }
  database = { DBInstanceIdentifier = aws_db_instance.this.identifier }

  alarms = {
    errors          = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum", above = 10, dimensions = local.balancer }
    no-host         = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum", above = 10, dimensions = local.balancer }
    slow            = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", statistic = "p95", above = 2, dimensions = local.balancer }
    redis-memory    = { namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", above = 80, dimensions = local.redis }
    redis-processor = { namespace = "AWS/ElastiCache", metric = "EngineCPUUtilization", statistic = "Average", above = 80, dimensions = local.redis }
    database        = { namespace = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", above = 80, dimensions = local.database }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "database_space" {
  alarm_name          = "${var.name}-database-space"
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = local.database
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 5 * 1024 * 1024 * 1024
  period              = 300
  evaluation_periods  = 2
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
