output "values" {
  description = "Values of the Helm chart for this cluster: terraform output -raw values"
  value = yamlencode({
    redis      = { internal = false }
    postgresql = { internal = false }
    storage    = { s3 = { internal = false, bucket = aws_s3_bucket.documents.bucket, region = var.region } }
    settings   = { AUTH_MODE = "required", DRAIN_SECONDS = "25", TRUSTED_PROXIES = jsonencode(aws_subnet.public[*].cidr_block) }
    secrets    = { existingSecret = "docparse-secrets" }
  })
}

output "redis_address" {
  description = "REDIS_URL is rediss://:PASSWORD@ADDRESS:6379/0; the password is var.redis_password."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "database_address" {
  description = "DATABASE_URL is postgresql://docparse:PASSWORD@ADDRESS:5432/docparse?sslmode=require; the password is var.database_password."
  value       = aws_db_instance.this.address
}

output "balancer" {
  description = "Name to which the service's own name points."
  value       = aws_lb.this.dns_name
}

output "target_group_arn" {
  description = "Of the TargetGroupBinding."
  value       = aws_lb_target_group.api.arn
}
