# Written by hand: who provides what. The secrets are in secrets-manager.tf, which is generated.
terraform {
  required_version = ">= 1.11" # values go through write-only arguments, so that the state holds none

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.88" # has write-only arguments; 6 was not tried
    }
  }
}

provider "aws" {
  region = "ap-northeast-2"
}
