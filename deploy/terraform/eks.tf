module "eks" {
  source       = "./eks"
  count        = var.cluster ? 1 : 0
  name         = local.name
  subnet_ids   = aws_subnet.servers[*].id
  key_arn      = aws_kms_key.this.arn
  access_cidrs = var.cluster_access_cidrs
}
