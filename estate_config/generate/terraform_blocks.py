"""The parts of the Terraform file that are the same for every estate, and the forms of those that are not."""

VARIABLES = """
variable "node_role_name" {
  description = "The role of the EKS node group"
  type        = string
}

variable "cloudtrail_log_group_name" {
  description = "The log group that the account's trail writes to"
  type        = string
}

variable "alarm_topic_arns" {
  description = "The SNS topics that hear of alarms"
  type        = list(string)
  default     = []
}

variable "replica_regions" {
  description = "The regions that have a copy of each secret, and the key there: an ARN, or alias/aws/secretsmanager"
  type        = map(string)
  REPLICAS
}

variable "rotation_lambda_arns" {
  description = "By the name of a secret, the function that rotates it; a secret without one is not rotated"
  type        = map(string)
  default     = {}
}
"""

VALUE_VARIABLE = """
variable "NAME" {
  description = "The value of SECRET"
  type        = string
  sensitive   = true
  ephemeral   = true
}
"""

DATABASE = """
variable "values_version" {
  description = "Raise it when a value that Terraform is given has changed: it cannot see that by itself"
  type        = number
  default     = 1
}

variable "db_instance_identifier" {
  description = "The RDS instance of the database"
  type        = string
}

data "aws_db_instance" "database" {
  db_instance_identifier = var.db_instance_identifier
}
"""

SECRETS = """
resource "aws_kms_key" "estate_secrets" {
  description         = "Encrypts the secrets of the estate"
  enable_key_rotation = true
}

resource "aws_kms_alias" "estate_secrets" {
  name          = "alias/estate-secrets"
  target_key_id = aws_kms_key.estate_secrets.key_id
}

# Values come from `estate push`, or `aws secretsmanager put-secret-value`.
resource "aws_secretsmanager_secret" "estate" {
  for_each    = local.estate_secrets
  name        = each.key
  description = each.value.description
  kms_key_id  = aws_kms_key.estate_secrets.arn

  dynamic "replica" {
    for_each = var.replica_regions
    content {
      region     = replica.key
      kms_key_id = replica.value
    }
  }
}
"""

VERSION = """
resource "aws_secretsmanager_secret_version" "NAME" {
  secret_id                = aws_secretsmanager_secret.estate[SECRET].id
  secret_string_wo         = EXPRESSION
  secret_string_wo_version = var.values_version
}
"""

ROTATION = """
resource "aws_secretsmanager_secret_rotation" "estate" {
  for_each = {
    for name, secret in local.estate_secrets : name => secret.rotation
    if secret.rotation != null && contains(keys(var.rotation_lambda_arns), name)
  }
  secret_id           = aws_secretsmanager_secret.estate[each.key].id
  rotation_lambda_arn = var.rotation_lambda_arns[each.key]
  rotate_immediately  = false

  rotation_rules {
    schedule_expression = each.value
  }
}
"""

CHANGES = """
# Services listen for changes here. Any number of them: nobody deletes a message, its age ends it.
resource "aws_sqs_queue" "estate_changes" {
  name                      = "QUEUE"
  message_retention_seconds = 300
  sqs_managed_sse_enabled   = true
}

resource "aws_cloudwatch_event_rule" "estate_changes" {
  name        = "QUEUE"
  description = "A secret has a new version"
  event_pattern = jsonencode({
    source        = ["aws.secretsmanager"]
    "detail-type" = ["Secret Label Updated"]
    detail        = { labelUpdated = ["AWSCURRENT"] }
  })
}

resource "aws_cloudwatch_event_target" "estate_changes" {
  rule = aws_cloudwatch_event_rule.estate_changes.name
  arn  = aws_sqs_queue.estate_changes.arn
}

resource "aws_sqs_queue_policy" "estate_changes" {
  queue_url = aws_sqs_queue.estate_changes.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.estate_changes.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.estate_changes.arn } }
    }]
  })
}
"""

LISTEN = """
      {
        Sid      = "ListenForChanges"
        Effect   = "Allow"
        Action   = "sqs:ReceiveMessage"
        Resource = aws_sqs_queue.estate_changes.arn
      },"""

KEEP = """
      {
        Sid      = "KeepLastKnownGood"
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = RESOURCE
        Condition = {
          StringEquals = {
            "kms:EncryptionContext:service"     = [SERVICES]
            "kms:EncryptionContext:environment" = ENVIRONMENT
          }ALIAS
        }
      },"""

KEEP_ALIAS = """
          "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = NAME }"""

POLICY = """
locals {
  estate_region  = split(":", aws_kms_key.estate_secrets.arn)[3]
  estate_regions = concat([local.estate_region], keys(var.replica_regions))
  estate_arns = flatten([
    for secret in aws_secretsmanager_secret.estate : [
      # a replica's ARN differs in its region only
      for region in local.estate_regions : replace(secret.arn, ":${local.estate_region}:", ":${region}:")
    ]
  ])
  estate_keys = concat(
    [aws_kms_key.estate_secrets.arn],
    [for key in values(var.replica_regions) : key if startswith(key, "arn:")]
  )
}

resource "aws_iam_policy" "estate_secrets" {
  name        = "ACCESS_POLICY"
  description = "Read the secrets of the estate"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        Resource = local.estate_arns
      },
      {
        Sid      = "ReadThemInBatches" # this action knows no resources: the statement above decides
        Effect   = "Allow"
        Action   = "secretsmanager:BatchGetSecretValue"
        Resource = "*"
      },LISTEN
      {
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = local.estate_keys
        Condition = {
          StringEquals = {
            "kms:ViaService" = [for region in local.estate_regions : "secretsmanager.${region}.amazonaws.com"]
          }
        }
      },KEEP
    ]
  })
}

resource "aws_iam_role_policy_attachment" "estate_secrets" {
  role       = var.node_role_name
  policy_arn = aws_iam_policy.estate_secrets.arn
}
"""

ALARMS = r"""
locals {
  estate_alarms = {
    FailedReads = {
      name        = "estate-secrets-failed-reads"
      description = "A secret was asked for and not given: look into CloudTrail for errorCode"
      events      = "($.eventName = \"*GetSecretValue\") && ($.errorCode = \"*\")"
    }
    FailedRotations = {
      name        = "estate-secrets-failed-rotations"
      description = "A secret was not rotated: look into the log of its function"
      events      = "($.eventName = \"RotationFailed\") || ($.eventName = \"RotationAbandoned\")"
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "estate_secrets" {
  for_each       = local.estate_alarms
  name           = each.value.name
  log_group_name = var.cloudtrail_log_group_name
  pattern        = "{ ($.eventSource = \"secretsmanager.amazonaws.com\") && (${each.value.events}) }"

  metric_transformation {
    name      = each.key
    namespace = "Estate/Secrets"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "estate_secrets" {
  for_each            = local.estate_alarms
  alarm_name          = each.value.name
  alarm_description   = each.value.description
  namespace           = "Estate/Secrets"
  metric_name         = each.key
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}
"""
