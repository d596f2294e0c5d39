terraform {
  # Write-only arguments keep the passwords of the database out of the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # terraform init -backend-config=bucket=… (docs/deploy/aws.md)
  backend "s3" {
    key          = "larder/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "larder", Environment = var.environment }
  }
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}
