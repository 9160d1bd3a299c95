# The load balancer ends TLS. The AWS Load Balancer Controller binds the API's pods to the target group (a TargetGroupBinding).
resource "aws_security_group" "balancer" {
  name        = "${var.name}-balancer"
  description = "HTTPS from everywhere, to the pods"
  vpc_id      = aws_vpc.this.id
  ingress {
    description = "HTTPS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    description     = "The API's pods"
    from_port       = 1233
    to_port         = 1233
    protocol        = "tcp"
    security_groups = [aws_eks_cluster.this.vpc_config[0].cluster_security_group_id]
  }
}

resource "aws_vpc_security_group_ingress_rule" "pods" {
  security_group_id            = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  description                  = "The load balancer"
  from_port                    = 1233
  to_port                      = 1233
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  subnets                    = aws_subnet.public[*].id
  security_groups            = [aws_security_group.balancer.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = true
  # EVENTS_STREAM_SECONDS and a minute.
  idle_timeout = 660
}

resource "aws_lb_target_group" "api" {
  name                 = "${var.name}-api"
  target_type          = "ip"
  port                 = 1233
  protocol             = "HTTP"
  vpc_id               = aws_vpc.this.id
  deregistration_delay = 30
  health_check {
    path                = "/v1/health/ready"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
