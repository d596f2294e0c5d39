output "prod_env" {
  description = "Settings that are no secrets, a line NAME=value for each."
  value       = <<-ENV
    ALLOWED_HOSTS=${var.host}
    PUBLIC_URL=https://${var.host}
    TRUSTED_PROXIES=${join(",", concat(["127.0.0.1/32"], local.public))}
    REGISTRATION=closed
    CURRENCY=GBP
    WORKERS=2
    THREADS=32
    DB_POOL_SIZE=8
  ENV
}

output "secrets" {
  description = "The names of the secrets: those of servers and worker, and those of prepare."
  value = {
    server  = aws_secretsmanager_secret.server.name
    prepare = aws_secretsmanager_secret.prepare.name
  }
}

output "vpc" {
  description = "The network, for what runs in it."
  value = {
    id      = aws_vpc.this.id
    public  = aws_subnet.public[*].id
    servers = aws_subnet.servers[*].id
  }
}

output "cluster" {
  description = "The name of the cluster of EKS; null without one."
  value       = one(module.eks[*].name)
}
