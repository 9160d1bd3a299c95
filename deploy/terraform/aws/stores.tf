# Queue and ledger, and the database. Their passwords are variables and in Terraform's state: keep the state encrypted.
resource "aws_security_group" "store" {
  for_each    = { redis = 6379, database = 5432 }
  name        = "${var.name}-${each.key}"
  description = "From the cluster's nodes and pods alone"
  vpc_id      = aws_vpc.this.id
  ingress {
    description     = "Pods"
    from_port       = each.value
    to_port         = each.value
    protocol        = "tcp"
    security_groups = [aws_eks_cluster.this.vpc_config[0].cluster_security_group_id]
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_elasticache_parameter_group" "this" {
  name   = var.name
  family = "valkey8"
  # Redis holds the ledger: it may refuse writes, and never forget.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

# One shard: the ledger's scripts access several keys at once, so a cluster is refused.
resource "aws_elasticache_replication_group" "this" {
  replication_group_id       = var.name
  description                = "Queue and ledger of ${var.name}"
  engine                     = "valkey"
  engine_version             = "8.1"
  node_type                  = var.redis_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.store["redis"].id]
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn
  transit_encryption_enabled = true
  auth_token                 = var.redis_password
  snapshot_retention_limit   = 7
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_instance" "this" {
  identifier                      = var.name
  engine                          = "postgres"
  engine_version                  = "17"
  instance_class                  = var.database_type
  allocated_storage               = var.database_gib
  max_allocated_storage           = var.database_gib * 4
  storage_type                    = "gp3"
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.this.arn
  db_name                         = "docparse"
  username                        = "docparse"
  password                        = var.database_password
  multi_az                        = true
  db_subnet_group_name            = aws_db_subnet_group.this.name
  vpc_security_group_ids          = [aws_security_group.store["database"].id]
  backup_retention_period         = 14
  copy_tags_to_snapshot           = true
  deletion_protection             = true
  auto_minor_version_upgrade      = true
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.this.arn
  enabled_cloudwatch_logs_exports = ["postgresql"]
  final_snapshot_identifier       = "${var.name}-last"
}
