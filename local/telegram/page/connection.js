// The page's line to the local Telegram: requests under /client/<user>, uploads with progress, and the event stream.
// EventSource comes back by itself with the last event's id, so nothing is missed while the server was away.

export class Connection {
  constructor(userId) {
    this.base = `/client/${userId}`;
  }

  hello(name) {
    return this.#call('PUT', '', { name });
  }

  async history() {
    return this.#call('GET', '/messages');
  }

  send(text, replyTo) {
    return this.#call('POST', '/messages', { text, reply_to: replyTo });
  }

  press(messageId, data) {
    return this.#call('POST', '/presses', { message_id: messageId, data });
  }

  fileUrl(fileId, inline = false) {
    return `${this.base}/files/${encodeURIComponent(fileId)}${inline ? '?inline=1' : ''}`;
  }

  /** Calls `handlers[event](data)`; `handlers.open` and `handlers.lost` tell of the connection itself. */
  follow(sequence, handlers) {
    const stream = new EventSource(`${this.base}/events?after=${sequence}`);
    stream.onopen = () => handlers.open();
    stream.onerror = () => handlers.lost();
    for (const name of ['message', 'edit', 'delete', 'typing', 'answer', 'commands', 'reset']) {
      stream.addEventListener(name, (event) => handlers[name](JSON.parse(event.data)));
    }
    return () => stream.close();
  }

  /** Sends one file as it is read from disk; returns the promise of its message and how to give up. */
  upload(file, { caption, as }, onProgress) {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ name: file.name, caption, as });
    request.open('POST', `${this.base}/files?${query}`);
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    const sent = new Promise((resolve, reject) => {
      request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
      request.onload = () => {
        const answer = parse(request.responseText);
        if (request.status === 200) resolve(answer);
        else reject(new Error(answer.error ?? 'The file could not be sent'));
      };
      request.onerror = () => reject(new Error('The connection was lost'));
      request.onabort = () => reject(new Error('Cancelled'));
    });
    request.send(file);
    return { sent, cancel: () => request.abort() };
  }

  async #call(method, path, body) {
    const options = { method, headers: { 'content-type': 'application/json' } };
    if (body !== undefined) options.body = JSON.stringify(body);
    const response = await fetch(this.base + path, options).catch(() => {
      throw new Error('The local Telegram does not answer');
    });
    const answer = parse(await response.text());
    if (!response.ok) throw new Error(answer.error ?? `The local Telegram answered ${response.status}`);
    return answer;
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
