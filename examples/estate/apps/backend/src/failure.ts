/** What a client is told: a status, and words of our own. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
