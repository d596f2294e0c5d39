# Two zones, each with a public subnet (load balancers, NAT), one for servers and one for data, which
# has no way out.

locals {
  name  = "larder-${var.environment}"
  zones = [for letter in var.zones : "${var.region}${letter}"]
  # 10.20.0.0/23 and 10.20.2.0/23 are public, 10.20.64.0/18 and 10.20.128.0/18 the servers'.
  public  = [for i in range(2) : cidrsubnet(var.network, 7, i)]
  servers = [for i in range(2) : cidrsubnet(var.network, 2, i + 1)]
  data    = [for i in range(2) : cidrsubnet(var.network, 8, 16 + i)]
}

resource "aws_vpc" "this" {
  cidr_block           = var.network
  enable_dns_hostnames = true
  tags                 = { Name = local.name }
}

# Allows nothing: every resource names its own group.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = local.public[count.index]
  # The tags are how the load-balancer controller finds its subnets.
  tags = { Name = "${local.name}-public-${count.index}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "servers" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = local.servers[count.index]
  tags              = { Name = "${local.name}-servers-${count.index}" }
}

resource "aws_subnet" "data" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = local.data[count.index]
  tags              = { Name = "${local.name}-data-${count.index}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  domain = "vpc"
  tags   = { Name = "${local.name}-nat" }

  depends_on = [aws_internet_gateway.this]
}

# One for both zones: without it servers answer, and mail and webhooks wait.
resource "aws_nat_gateway" "this" {
  subnet_id     = aws_subnet.public[0].id
  allocation_id = aws_eip.nat.id

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "servers" {
  vpc_id = aws_vpc.this.id
  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.this.id
  }
}

resource "aws_route_table_association" "servers" {
  count          = 2
  subnet_id      = aws_subnet.servers[count.index].id
  route_table_id = aws_route_table.servers.id
}

resource "aws_flow_log" "refused" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "REJECT"
  log_destination = aws_cloudwatch_log_group.refused.arn
  iam_role_arn    = aws_iam_role.refused.arn
}

resource "aws_cloudwatch_log_group" "refused" {
  #checkov:skip=CKV_AWS_338:Refused connections are looked at soon, or never.
  name              = "/larder/${var.environment}/refused"
  retention_in_days = 30
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_iam_role" "refused" {
  name_prefix = "${local.name}-refused-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "refused" {
  role = aws_iam_role.refused.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = "${aws_cloudwatch_log_group.refused.arn}:*"
    }]
  })
}
