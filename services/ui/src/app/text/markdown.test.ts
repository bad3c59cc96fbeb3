import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInline, parseMarkdown } from './markdown.ts';

describe('markdown of answers', () => {
  it('tells paragraphs, headings, lists, quotes and rules apart', () => {
    const blocks = parseMarkdown('# Title\n\nOne\ntwo\n\n- a\n- b\n  more\n\n1. x\n2. y\n\n> said\n\n---\n');
    assert.deepEqual(blocks.map((block) => block.kind), ['heading', 'paragraph', 'list', 'list', 'quote', 'rule']);
    const [, , bullets, numbers] = blocks;
    assert.ok(bullets?.kind === 'list' && numbers?.kind === 'list');
    assert.deepEqual(bullets.items.map((item) => item.marker), ['•', '•']);
    assert.deepEqual(numbers.items.map((item) => item.marker), ['1.', '2.']);
  });

  it('keeps a fenced block exactly, whatever stands in it', () => {
    assert.deepEqual(parseMarkdown('```sh\n# not a title\n\n- **no** list\n```\nafter'), [
      { kind: 'code', language: 'sh', text: '# not a title\n\n- **no** list' },
      { kind: 'paragraph', children: [{ kind: 'text', text: 'after' }] },
    ]);
  });

  it('shows a fence that is still streaming as code', () => {
    assert.deepEqual(parseMarkdown('```\nhalf'), [{ kind: 'code', language: '', text: 'half' }]);
  });

  it('finds code, bold, emphasis and addresses inside a line', () => {
    assert.deepEqual(parseInline('Use `a*b*` and **very** *nice* https://example.org/x.'), [
      { kind: 'text', text: 'Use ' }, { kind: 'code', text: 'a*b*' }, { kind: 'text', text: ' and ' },
      { kind: 'bold', children: [{ kind: 'text', text: 'very' }] }, { kind: 'text', text: ' ' },
      { kind: 'emphasis', children: [{ kind: 'text', text: 'nice' }] }, { kind: 'text', text: ' ' },
      { kind: 'link', text: 'https://example.org/x', href: 'https://example.org/x' }, { kind: 'text', text: '.' },
    ]);
  });

  it('names an image instead of loading it', () => {
    assert.deepEqual(parseInline('![chart](https://tracker.example/a.png)'), [{ kind: 'image', text: 'chart', href: 'https://tracker.example/a.png' }]);
  });

  it('never makes a link of anything but a web address', () => {
    for (const href of ['javascript:alert', 'data:text/html,x', 'file:///etc/passwd', '//evil.example', '/api/v1/session']) {
      assert.deepEqual(parseInline(`[x](${href})`), [{ kind: 'text', text: `[x](${href})` }], href);
    }
  });

  it('leaves HTML as the text it is', () => {
    assert.deepEqual(parseInline('<img src=x onerror=alert(1)>'), [{ kind: 'text', text: '<img src=x onerror=alert(1)>' }]);
  });

  it('takes multiplication signs and file patterns literally', () => {
    assert.deepEqual(parseInline('2 * 3 * 4 and *.ts'), [{ kind: 'text', text: '2 * 3 * 4 and *.ts' }]);
  });
});
