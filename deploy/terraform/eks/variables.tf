variable "name" {
  description = "The name of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of two zones with a way out, for the nodes."
  type        = list(string)
}

variable "key_arn" {
  description = "The key that secrets of the cluster and its logs are encrypted with."
  type        = string
}

variable "access_cidrs" {
  description = "The networks from which kubectl reaches the cluster; without any, only the VPC."
  type        = list(string)
}
