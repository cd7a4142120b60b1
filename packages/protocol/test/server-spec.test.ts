import { describe, expect, test } from 'vitest';
import { asSid, formatServerLine, parseServerLine, sameServer } from '@zk/protocol';
import type { ServerSpec } from '@zk/protocol';

const parse = (text: string, multiAddress = false): ServerSpec => parseServerLine(asSid(1n), text, { multiAddress });
const canonical = (text: string): string => formatServerLine(parse(text, true));

describe('server lines (quorum.md 1.2)', () => {
  test.each([
    ['a:2888:3888', 'a:2888:3888:participant'],
    ['a:2888:3888:Observer', 'a:2888:3888:observer'],
    ['a:2888:3888;2181', 'a:2888:3888:participant;0.0.0.0:2181'],
    ['a:2888:3888:participant;b:2181', 'a:2888:3888:participant;b:2181'],
    ['[::1]:2888:3888;[fe80::1]:2181', '[::1]:2888:3888:participant;[fe80::1]:2181'],
    ['b:1:2|a:3:4:observer;5', 'a:3:4|b:1:2:observer;0.0.0.0:5'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  const form = / does not have the form server_config or server_config;client_config where .* and client_config is port or host:port$/;
  test.each([
    ['a:2888', form],
    ['a:1:2:participant:x', form],
    ['a:1:2;b:3:4', form],
    ['a:1:2;3;4', form], // 3.9 knows no secure client part (T27)
    [':1:2', form],
    ['a:1:x', 'Address unresolved: a:x'],
    ['a:1:70000', 'Address unresolved: a:70000'],
    ['a:1:2;b:c', 'Address unresolved: b:c'],
    ['a:1:2:voter', 'Unrecognised peertype: voter'],
    ['a:1:1', 'Client and election port must be different! Please update the configuration file on server.1'],
    ['a:1:2|b:1:2', 'Multiple address feature is disabled, but multiple addresses were specified for sid 1'],
    ['[::1:1:2', "[::1:1:2 starts with '[' but has no matching ']:'"],
  ])('%s is refused in Apache’s words', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test('roles of alternatives must agree', () => {
    expect(() => parse('a:1:2:observer|b:1:2:participant', true)).toThrow(
      'Multiple addresses should have similar roles: OBSERVER vs PARTICIPANT',
    );
  });

  test('a client address from clientPort is not printed, but counts when servers are compared', () => {
    const fromLine = parse('a:1:2;b:3');
    const fromKeys = { ...fromLine, clientInText: false };
    expect(formatServerLine(fromKeys)).toBe('a:1:2:participant');
    expect(sameServer(fromLine, fromKeys)).toBe(true);
    expect(sameServer(fromLine, parse('a:1:2'))).toBe(false);
    expect(sameServer(fromLine, parse('a:1:2:observer;b:3'))).toBe(false);
    expect(sameServer(fromLine, parse('a:1:4;b:3'))).toBe(false);
  });
});
