"""An S3-compatible server for the tests, with one bucket and one account that may use it."""

import contextlib
import json

import boto3
import requests
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

REGION = "eu-west-1"
BUCKET = "media"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class Storage:
    """An S3 server; `key` and `secret` are the account's, `address` is host and port."""

    def __init__(self, address):
        self.address = address
        # All servers of a process share their data.
        requests.post(f"http://{address}/moto-api/reset", timeout=60).raise_for_status()
        anyone = {"aws_access_key_id": "anyone", "aws_secret_access_key": "anyone"}
        self._options = {"endpoint_url": f"http://{address}", "region_name": REGION, **anyone}
        self.s3 = boto3.client("s3", **self._options)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        iam = boto3.client("iam", **self._options)
        iam.create_user(UserName="site")
        iam.put_user_policy(UserName="site", PolicyName="media", PolicyDocument=json.dumps(POLICY))
        account = iam.create_access_key(UserName="site")["AccessKey"]
        self.key, self.secret = account["AccessKeyId"], account["SecretAccessKey"]

    @contextlib.contextmanager
    def signatures_verified(self):
        """Reject requests that are not signed with the account's secret until the block ends."""
        self._let_through("0")
        yield
        self._let_through("inf")

    def _let_through(self, count):
        answer = requests.post(f"http://{self.address}/moto-api/reset-auth", data=count, timeout=60)
        assert answer.status_code == 200

    def files(self):
        """Return name -> bytes of all files in the bucket."""
        names = [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        return {name: self.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names}


@contextlib.contextmanager
def running_storage():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield Storage("%s:%s" % server.get_host_and_port())
    finally:
        server.stop()
