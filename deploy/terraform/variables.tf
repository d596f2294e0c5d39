variable "region" {
  description = "The region of AWS, such as eu-west-2."
  type        = string
}

variable "zones" {
  description = "The letters of two availability zones of the region."
  type        = list(string)
  default     = ["a", "b"]
}

variable "environment" {
  description = "The name of this installation; part of every name."
  type        = string
  default     = "production"
  validation {
    # larder-…-monitoring- is the prefix of a role, which has 38 characters at most. RDS takes no --
    # and no - at an end.
    condition = (
      can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.environment)) &&
      length(var.environment) >= 2 && length(var.environment) <= 19
    )
    error_message = "Expected 2 to 19 lower-case letters, digits and single hyphens between them."
  }
}

variable "host" {
  description = "The shop's host name."
  type        = string
  default     = "shop.example.com"
}

variable "network" {
  description = "A /16 of private addresses for the VPC. deploy/kubernetes/eks names the first /22 of it."
  type        = string
  default     = "10.20.0.0/16"
}

variable "database_class" {
  description = "The class of the database and of its replica."
  type        = string
  default     = "db.t4g.medium"
}

variable "password_version" {
  description = "Another number makes the passwords of the database and the secret key anew."
  type        = number
  default     = 1
}

variable "cluster" {
  description = "Whether to make a cluster of EKS (docs/deploy/kubernetes.md)."
  type        = bool
  default     = false
}

variable "cluster_access_cidrs" {
  description = "The networks from which kubectl reaches the cluster, such as [\"203.0.113.7/32\"]."
  type        = list(string)
  default     = []
}
