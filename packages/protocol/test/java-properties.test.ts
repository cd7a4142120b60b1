import { describe, expect, test } from 'vitest';
import { parseJavaProperties } from '@zk/protocol';

const pairs = (text: string): string[] => parseJavaProperties(text).map(({ key, value, line }) => `${line} [${key}] [${value}]`);

describe('the syntax of java.util.Properties (operations.md 1.1)', () => {
  test('the key ends at the first =, : or blank, whatever comes first', () => {
    expect(pairs('tickTime=2000\ntickTime:2000\ntickTime 2000\n tickTime\t = \f2000\nserver.1=a:2888:3888')).toEqual([
      '1 [tickTime] [2000]',
      '2 [tickTime] [2000]',
      '3 [tickTime] [2000]',
      '4 [tickTime] [2000]',
      '5 [server.1] [a:2888:3888]',
    ]);
  });

  test('only one separator is skipped, trailing blanks stay, a key alone has an empty value', () => {
    expect(pairs('a==b\nc = :d \ne')).toEqual(['1 [a] [=b]', '2 [c] [:d ]', '3 [e] []']);
  });

  test('comments take whole lines and never continue', () => {
    expect(pairs('# one \\\na=1\n  ! two\nb=2 # no comment')).toEqual(['2 [a] [1]', '4 [b] [2 # no comment]']);
  });

  test('an odd number of backslashes continues the line, an even number does not', () => {
    expect(pairs('a=1,\\\n   2,\\\n\n3=\nb=x\\\\\nc=\\')).toEqual(['1 [a] [1,2,]', '4 [3] []', '5 [b] [x\\]', '6 [c] []']);
    expect(pairs('a=\\\n#not a comment')).toEqual(['1 [a] [#not a comment]']);
  });

  test('LF, CR and CRLF end a line; numbers count them all', () => {
    expect(pairs('a=1\r\nb=2\rc=3\n\n\nd=4')).toEqual(['1 [a] [1]', '2 [b] [2]', '3 [c] [3]', '6 [d] [4]']);
  });

  test('escapes in keys and values; an unknown one is the character itself', () => {
    expect(pairs('a\\ b\\=c=\\u00e9\\t\\n\\r\\f|')).toEqual(['1 [a b=c] [é\t\n\r\f|]']);
    expect(pairs('dataDir=E:\\data')).toEqual(['1 [dataDir] [E:data]']);
    expect(pairs('dataDir=E:\\\\data')).toEqual(['1 [dataDir] [E:\\data]']);
  });

  test('a malformed \\u is an error that names the line', () => {
    expect(() => pairs('a=1\nb=\\u12g4')).toThrow('line 2: Malformed \\uxxxx encoding.');
  });
});
