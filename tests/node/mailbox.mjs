// node mailbox.mjs [tls|starttls <certificate> <key>]: an SMTP server on a free port, until its standard input ends.
//
// Prints { port } and then each letter that it took, one JSON object a line: { from, to, subject, text, headers }. Who it is for
// decides what becomes of it: letters to anybody at greylisting.example are put off (451) the first time, and those to
// nowhere.example are refused (550).

import { readFileSync } from "node:fs";

import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

const say = (message) => console.log(JSON.stringify(message));
const refusal = (responseCode, message) => Object.assign(new Error(message), { responseCode });
const putOff = new Set();
const [security, certificate, key] = process.argv.slice(2);
const tls = security && { secure: security === "tls", cert: readFileSync(certificate), key: readFileSync(key) };

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: tls ? ["AUTH"] : ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  ...tls,
  onRcptTo({ address }, session, callback) {
    if (address.endsWith("@nowhere.example")) return callback(refusal(550, `${address} does not exist`));
    if (address.endsWith("@greylisting.example") && !putOff.has(address)) {
      putOff.add(address);
      return callback(refusal(451, `${address} is busy, try again`));
    }
    callback();
  },
  async onData(stream, { envelope }, callback) {
    try {
      const { subject, text, headerLines } = await simpleParser(stream);
      const headers = headerLines.map(({ line }) => line);
      say({ from: envelope.mailFrom.address, to: envelope.rcptTo.map(({ address }) => address), subject, text, headers });
      callback();
    } catch (error) {
      callback(error);
    }
  },
});

server.on("error", (error) => console.error(error));
server.listen(0, "127.0.0.1", () => say({ port: server.server.address().port }));
process.stdin.resume().on("end", () => process.exit(0));
