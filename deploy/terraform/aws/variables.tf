variable "region" {
  type        = string
  description = "Region of everything, such as eu-central-1."
}

variable "name" {
  type        = string
  default     = "docparse"
  description = "Beginning of all names."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "Lower case letters, digits and hyphens, 3 to 21 of them."
  }
}

variable "kubernetes_version" {
  type    = string
  default = "1.33"
}

variable "address_range" {
  type    = string
  default = "10.40.0.0/16"
}

variable "administrators" {
  type        = list(string)
  description = "Address ranges from which the cluster's API may be reached, as CIDR."
}

variable "certificate_arn" {
  type        = string
  description = "Certificate (ACM) of the load balancer."
}

variable "cpu_nodes" {
  type = object({
    types = list(string)
    min   = number
    max   = number
  })
  default     = { types = ["c7i.2xlarge"], min = 2, max = 10 }
  description = "Nodes of API and CPU workers."
}

variable "gpu_nodes" {
  type = object({
    types = list(string)
    max   = number
  })
  default     = { types = ["g6e.2xlarge"], max = 4 }
  description = "Nodes of model servers and GPU workers; none while nothing waits."
}

variable "redis_type" {
  type    = string
  default = "cache.m7g.large"
}

variable "database_type" {
  type    = string
  default = "db.m7g.large"
}

variable "database_gib" {
  type    = number
  default = 50
}

variable "alarm_email" {
  type        = string
  description = "Who is told of alarms."
}

variable "redis_password" {
  type        = string
  sensitive   = true
  description = "Letters and digits, 16 to 128; it becomes a part of an address. Give it as TF_VAR_redis_password."
  validation {
    condition     = can(regex("^[A-Za-z0-9]{16,128}$", var.redis_password))
    error_message = "Letters and digits, 16 to 128 of them."
  }
}

variable "database_password" {
  type        = string
  sensitive   = true
  description = "The same of the database: TF_VAR_database_password."
  validation {
    condition     = can(regex("^[A-Za-z0-9]{16,128}$", var.database_password))
    error_message = "Letters and digits, 16 to 128 of them."
  }
}
