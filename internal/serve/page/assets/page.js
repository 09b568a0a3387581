// The search page with a script: it asks POST v1/search, shows what the query
// alone finds while the translation is under way, and ranks at any λ from the
// scores that it has, as the server ranks, until the server's proof is there.
//
// Texts of documents and queries reach the page by textContent only.
'use strict';

(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($('data').textContent);
  const root = document.documentElement;
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const wide = matchMedia('(min-width: 60.01rem)');
  const LISTS = ['source', 'fused', 'anchor'];
  const svg = 'http://www.w3.org/2000/svg';

  // say is the server's own: a phrase, filled in.
  function say(key, values = {}) {
    let text = data.phrases[key];
    if (String(values.n) === '1' && data.phrases[key + '.one']) text = data.phrases[key + '.one'];
    if (text === undefined) return key; // a status that a later server knows
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  const percent = (x) => String(Math.round(100 * x));
  const cosine = (x) => x.toFixed(4);
  // What the index takes off a passage's score for its hubness.
  const hubOf = (hit) => hit.hub || 0;
  // A λ in two digits, or as many as it has where somebody chose more.
  const shown = (lambda) => String(Math.round(100 * lambda) / 100);

  function nameOf(tag) {
    for (const corpus of data.corpora) {
      for (const lang of corpus.langs) if (lang.tag === tag) return lang.name;
    }
    return tag === data.anchorLang.tag ? data.anchorLang.name : tag;
  }

  // ---- State: what is asked is what the address says. ----

  let state = { ...data.form };
  let response = data.response; // the last answer, null where there is none
  let known = new Map(); // every passage of this query with both cosines
  let own = false; // the translation field was changed and not yet searched with
  let asking = null; // AbortController of the request under way
  const answers = new Map(); // by request, for the way back

  function address(s) {
    const q = new URLSearchParams();
    if (s.q) q.set('q', s.q);
    if (data.corpora.length > 1 || !data.corpora.length) q.set('corpus', s.corpus);
    if (s.lang !== 'auto') q.set('lang', s.lang);
    if (s.anchor) q.set('anchor', s.anchor);
    if (s.lambda !== null) q.set('lambda', s.lambda);
    if (s.k !== 10) q.set('k', s.k);
    if (s.filter) q.set('filter', s.filter);
    if (s.view !== 'list') q.set('view', s.view);
    const text = q.toString();
    return text ? '?' + text : location.pathname;
  }

  function fromAddress() {
    const q = new URLSearchParams(location.search);
    const lambda = parseFloat(q.get('lambda'));
    return {
      q: q.get('q') || '',
      corpus: q.get('corpus') || (data.corpora[0] || { name: '' }).name,
      lang: q.get('lang') || 'auto',
      anchor: q.get('anchor') || '',
      lambda: lambda >= 0 && lambda <= 1 ? lambda : null,
      k: parseInt(q.get('k'), 10) || 10,
      filter: (q.get('filter') || '').trim(),
      view: q.get('view') === 'columns' ? 'columns' : 'list',
    };
  }

  function fillForm() {
    $('q').value = state.q;
    $('corpus').value = state.corpus;
    fillLangs();
    if (![...$('k').options].some((o) => o.value === String(state.k))) $('k').append(new Option(state.k));
    $('k').value = String(state.k);
    $('filter').value = state.filter;
    if (state.filter) $('further').open = true;
    for (const radio of document.getElementsByName('view')) radio.checked = radio.value === state.view;
    document.title = (state.q ? state.q + ' · ' : '') + say('title');
  }

  function fillLangs() {
    const options = [['auto', say('lang.auto')]];
    const corpus = data.corpora.find((c) => c.name === state.corpus);
    for (const l of corpus ? corpus.langs : []) {
      options.push([l.tag, l.native && l.native !== l.name ? l.name + ' · ' + l.native : l.name]);
    }
    options.push(['all', say('lang.all')]);
    if (!options.some(([tag]) => tag === state.lang)) state.lang = 'auto';
    $('lang').replaceChildren(...options.map(([tag, name]) => new Option(name, tag, false, tag === state.lang)));
  }

  // ---- Asking. ----

  function body() {
    const request = { corpus: state.corpus, query: state.q, lang: state.lang, top_k: state.k, compare: true };
    if (state.anchor) request.anchor = state.anchor;
    if (state.filter) request.filter = state.filter;
    if (state.lambda !== null) {
      request.lambda = state.lambda;
      request.trust = 'always'; // who moves the slider has judged for himself
    }
    return JSON.stringify(request);
  }

  // ask answers the state. A quiet question follows the slider: what is shown
  // stays until the answer is there. The way back takes what was answered before;
  // whoever asks again wants to know anew.
  async function ask({ quiet = false, back = false } = {}) {
    if (asking) asking.abort();
    if (!state.q.trim() || !data.corpora.length) return;
    const mine = new AbortController();
    asking = mine;
    const text = body();
    const kept = back && answers.get(text);
    if (kept) {
      asking = null;
      busy(false);
      take(kept, quiet);
      return;
    }
    busy(!quiet);
    problem('');
    try {
      const answer = await request(text, mine, quiet);
      if (asking !== mine) return;
      if (!missing.has(answer.anchor.status)) answers.set(text, answer);
      if (answers.size > 40) answers.delete(answers.keys().next().value);
      take(answer, quiet);
    } catch (fault) {
      if (mine.signal.aborted) return;
      failed(fault);
    } finally {
      if (asking === mine) {
        asking = null;
        busy(false);
      }
    }
  }

  // An answer without the anchor that was wanted is not worth keeping.
  const missing = new Set(['timeout', 'unavailable', 'refused']);

  class Refusal extends Error {
    constructor(message, hint, token) {
      super(message);
      this.hint = hint || '';
      this.token = Boolean(token);
    }
  }

  async function request(text, controller, quiet) {
    const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream, application/json;q=0.9' };
    const token = sessionStorage.getItem('token');
    if (token) headers.Authorization = 'Bearer ' + token;
    let reply;
    try {
      reply = await fetch('v1/search', { method: 'POST', headers, body: text, signal: controller.signal, cache: 'no-store' });
    } catch (fault) {
      if (controller.signal.aborted) throw fault;
      throw new Refusal(say('error.network'));
    }
    if (!reply.ok) throw await refusal(reply);
    if (!(reply.headers.get('Content-Type') || '').startsWith('text/event-stream')) return reply.json();
    let answer = null;
    try {
      await events(reply.body, (name, value) => {
        if (name === 'source' && !quiet && asking === controller) take(value, false);
        if (name === 'result') answer = value;
        if (name === 'error') throw refused(value);
      });
    } catch (fault) {
      if (fault instanceof Refusal || controller.signal.aborted) throw fault;
      throw new Refusal(say('error.stream'));
    }
    if (!answer) throw new Refusal(say('error.stream'));
    return answer;
  }

  // events reads server-sent events.
  async function events(stream, hear) {
    const reader = stream.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? '\n\n' : decoder.decode(value, { stream: true });
      const parts = rest.replace(/\r\n?/g, '\n').split('\n\n');
      rest = parts.pop();
      for (const part of parts) {
        let name = 'message';
        const lines = [];
        for (const line of part.split('\n')) {
          if (line.startsWith('event:')) name = line.slice(6).trim();
          if (line.startsWith('data:')) lines.push(line.slice(5).replace(/^ /, ''));
        }
        if (lines.length) hear(name, JSON.parse(lines.join('\n')));
      }
      if (done) return;
    }
  }

  const refused = (value) => {
    const e = (value && value.error) || value || {};
    return new Refusal(e.message ? say('error') + ': ' + e.message + '.' : say('error') + '.', data.phrases['hint.' + e.code] || e.hint);
  };

  async function refusal(reply) {
    if (reply.status === 429) {
      return new Refusal(say('error.rate', { n: reply.headers.get('Retry-After') || 1 }));
    }
    let value = null;
    try {
      value = await reply.json();
    } catch { /* not ours: a proxy's page */ }
    const fault = value ? refused(value) : new Refusal(say('error') + ' (' + reply.status + ').');
    fault.token = reply.status === 401;
    return fault;
  }

  function failed(fault) {
    if (!(fault instanceof Refusal)) {
      problem(say('error') + '.', String(fault));
      return;
    }
    $('token').hidden = !fault.token;
    root.classList.toggle('stale', Boolean(response));
    if (previewed !== null) showVerdict('preview');
    if (fault.token) $('secret').focus();
    else problem(fault.message, fault.hint);
  }

  function problem(message, hint = '') {
    $('notice').hidden = !message;
    $('wrong').textContent = message;
    $('hint').textContent = hint;
    $('hint').hidden = !hint;
    $('retry').hidden = !message || !state.q;
    if (message && !response) $('results').hidden = true;
  }

  let bar = null;
  function busy(yes) {
    root.classList.toggle('busy', yes);
    if (yes && !bar) {
      bar = document.createElement('div');
      bar.className = 'bar';
      document.body.append(bar);
    } else if (!yes && bar) {
      bar.remove();
      bar = null;
    }
  }

  // ---- The ranking, as the server makes it. ----

  const keyOf = (hit) => hit.lang + ' ' + hit.id;

  // compare orders texts by code points, as UTF-8 is ordered by bytes.
  function compare(a, b) {
    const x = a[Symbol.iterator]();
    const y = b[Symbol.iterator]();
    for (;;) {
      const p = x.next();
      const q = y.next();
      if (p.done || q.done) return (p.done ? 0 : 1) - (q.done ? 0 : 1);
      const d = p.value.codePointAt(0) - q.value.codePointAt(0);
      if (d) return d;
    }
  }

  // fuse ranks passages at λ: each document by its best one, the earlier of two
  // equals; ties by id, then by language.
  function fuse(passages, lambda, k) {
    const best = new Map();
    for (const passage of passages) {
      if (passage.anchor === null) continue;
      const score = lambda * passage.source + (1 - lambda) * passage.anchor - hubOf(passage);
      const old = best.get(keyOf(passage));
      if (!old || score > old.score || (score === old.score && passage.chunk < old.chunk)) {
        best.set(keyOf(passage), { ...passage, score });
      }
    }
    const hits = [...best.values()].sort((a, b) => b.score - a.score || compare(a.id, b.id) || compare(a.lang, b.lang));
    return hits.slice(0, k).map((hit, i) => ({ ...hit, rank: i + 1 }));
  }

  // ---- Showing an answer. ----

  function take(answer, quiet) {
    const same = response && sameQuestion(response, answer);
    if (!same) known = new Map();
    response = answer;
    root.classList.remove('stale');
    const lists = [answer.hits, ...(answer.compare ? [answer.compare.source, answer.compare.anchor] : [])];
    for (const hit of lists.flat()) known.set(keyOf(hit) + ' ' + hit.chunk, hit);
    $('landing')?.remove();
    $('token').hidden = true;
    problem('');
    $('results').hidden = false;
    showWeigh();
    showMix(answer.lambda);
    showLists(answer.hits, answer.lambda);
    showVerdict();
    if (answer.anchor.status !== 'pending') announce(answer.hits, quiet ? 300 : 0);
  }

  function sameQuestion(a, b) {
    return a.corpus === b.corpus && a.query === b.query && a.lang === b.lang && a.filter === b.filter && a.anchor.text === b.anchor.text;
  }

  function showWeigh() {
    const { anchor, detected } = response;
    const pending = anchor.status === 'pending';
    $('weigh').hidden = false;
    $('weigh').classList.toggle('pending', pending);
    $('words').textContent = response.query;
    $('words').lang = response.lang;
    $('detected').textContent = detected
      ? say('detected.' + detected.reason, { lang: nameOf(detected.lang), sure: percent(detected.confidence) })
      : nameOf(response.lang);
    const into = nameOf(anchor.lang);
    $('into').textContent = say('translation', { lang: into });
    const field = $('translation');
    if (!own) field.value = anchor.text;
    field.lang = anchor.lang;
    field.placeholder = pending ? '…' : say('translation.empty', { lang: into });
    grow();
    $('author').textContent = !anchor.text ? '' : anchor.origin === 'given'
      ? say('by.given') + '.'
      : say(anchor.status === 'cached' ? 'by.cached' : 'by', { origin: anchor.origin }) + '.';
    $('own').hidden = !own;
    $('back').hidden = !state.anchor;
    $('edit').hidden = own || Boolean(state.anchor) || pending;
    $('edit').textContent = say(anchor.text ? 'translation.edit' : 'translation.write');
    $('author').hidden = own;
  }

  function grow() {
    const field = $('translation');
    if (CSS.supports('field-sizing', 'content')) return;
    field.style.height = 'auto';
    field.style.height = field.scrollHeight + 'px';
  }

  const weighable = () => Boolean(response && response.anchor.agreement !== null && response.compare);

  function showMix(lambda) {
    const slider = $('mix');
    slider.disabled = !weighable();
    if (document.activeElement !== slider || !dragging) slider.value = String(1 - lambda);
    const text = say('mix.value', { source: percent(lambda), anchor: percent(1 - lambda) });
    const exact = say('mix.lambda', { lambda: shown(lambda) });
    slider.setAttribute('aria-valuetext', text + ', ' + exact);
    const small = document.createElement('small');
    small.textContent = exact;
    $('mixed').replaceChildren(text, small);
    $('automatic').hidden = state.lambda === null;
  }

  // sentences say what the answer is worth, in the words of render.go.
  function sentences(r) {
    const all = [];
    const add = (text, kind) => all.push([text, kind]);
    const a = r.anchor;
    if (a.judgement && a.judgement.weight === 0) add(say('anchor.misfit'), 'caution');
    else if (a.judgement && a.judgement.weight < 1) add(say('anchor.partly', { percent: percent(a.judgement.weight) }), 'caution');
    else if (a.agreement === null) add(say('anchor.' + a.status, { lang: nameOf(a.lang) }), a.status === 'same_language' ? '' : 'caution');
    const n = r.hits.length;
    if (!n) {
      add(say(r.filter ? 'results.filtered' : 'results.none'), 'caution');
      return all;
    }
    const count = say('results', { n }) + '. ';
    if (r.certified) add(count + say('proven', { n }), 'proof');
    else add(count + say('unproven', { depth: r.depth }), 'proof open');
    if (r.compare && a.agreement !== null) {
      const there = new Set(r.compare.anchor.map(keyOf));
      add(say('shared', {
        n: r.compare.source.filter((hit) => there.has(keyOf(hit))).length,
        k: Math.max(r.compare.source.length, r.compare.anchor.length),
        agreement: a.agreement.toFixed(2),
      }), '');
    }
    return all;
  }

  function showVerdict(preview) {
    const all = sentences(response);
    if (preview) {
      const at = all.findIndex(([, kind]) => kind.startsWith('proof'));
      all[at] = [say(preview), 'proof open'];
    }
    $('verdict').replaceChildren(...all.map(([text, kind]) => {
      const p = document.createElement('p');
      p.textContent = text;
      if (kind) p.className = kind;
      return p;
    }));
  }

  const nodes = { source: new Map(), fused: new Map(), anchor: new Map() };
  const columns = {};
  let column = 'fused'; // the one that narrow screens show

  function showLists(fused, lambda) {
    const holder = $('lists');
    holder.dataset.view = state.view;
    const compared = state.view === 'columns' && response.compare;
    const lists = { fused };
    if (compared) Object.assign(lists, response.compare);
    const abouts = { source: say('source.about'), anchor: say('anchor.about'), fused: say('fused.about', { lambda: shown(lambda) }) };
    if (!compared) column = 'fused';
    const scale = scaleOf(fused);
    const shownLists = [];
    for (const name of LISTS) {
      if (!lists[name]) continue;
      const section = columns[name] || (columns[name] = newColumn(name));
      section.querySelector('small').textContent = abouts[name];
      section.classList.toggle('shown', name === column);
      fill(name, section.querySelector('ol'), lists[name], scale);
      shownLists.push(section);
    }
    const now = [...holder.querySelectorAll('.list')];
    if (now.length !== shownLists.length || now.some((x, i) => x !== shownLists[i])) holder.replaceChildren(...shownLists);
    showTabs(Boolean(compared));
    $('scale').textContent = scale ? say('scale', { low: scale.low.toFixed(2), high: scale.high.toFixed(2) }) : '';
    requestAnimationFrame(() => {
      for (const node of holder.querySelectorAll('.hit')) offerMore(node);
      draw();
    });
  }

  // offerMore shows the button only where there is more to show.
  function offerMore(node) {
    if (node.classList.contains('whole') || !node.offsetParent) return;
    const cut = [...node.querySelectorAll('.text, .name')].some((x) => x.scrollHeight > x.clientHeight + 1 || x.scrollWidth > x.clientWidth + 1);
    node.querySelector('.more').hidden = !cut && !node.querySelector('.metadata').children.length;
  }

  function newColumn(name) {
    const section = document.createElement('section');
    section.className = 'list ' + name;
    const heading = document.createElement('h2');
    const sign = document.createElement('i');
    sign.className = 'sign ' + name;
    heading.append(sign, say(name), ' ', document.createElement('small'));
    section.append(heading, document.createElement('ol'));
    return section;
  }

  // scaleOf spans the cosines and scores of all hits, so that a little difference
  // shows.
  function scaleOf(hits) {
    const all = hits.flatMap((hit) => (hit.anchor === null ? [hit.source, hit.score] : [hit.source, hit.anchor, hit.score]));
    if (!all.length) return null;
    let low = Math.min(...all);
    let high = Math.max(...all);
    const room = Math.max((high - low) * 0.05, 0.005);
    low -= room;
    high += room;
    return { low, high, at: (x) => (100 * (x - low) / (high - low)).toFixed(2) + '%' };
  }

  // fill puts hits into a list, moving the ones that are there.
  function fill(name, list, hits, scale) {
    const before = new Map();
    const moving = name === 'fused' && !calm.matches && list.isConnected && nodes.fused.size > 0;
    if (moving) for (const [key, node] of nodes[name]) before.set(key, node.getBoundingClientRect().top);
    const old = nodes[name];
    const next = new Map();
    for (const hit of hits) {
      const node = old.get(keyOf(hit)) || newHit(name, keyOf(hit));
      write(node, name, hit, scale);
      next.set(keyOf(hit), node);
    }
    nodes[name] = next;
    const wanted = [...next.values()];
    const focused = document.activeElement;
    for (const node of [...list.children]) if (!wanted.includes(node)) node.remove();
    wanted.forEach((node, i) => { if (list.children[i] !== node) list.insertBefore(node, list.children[i] || null); });
    if (focused && focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
    wanted.forEach((node, i) => { node.tabIndex = i ? -1 : 0; });
    if (!moving) return;
    for (const [key, node] of next) {
      if (!before.has(key)) {
        node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 180 });
        continue;
      }
      const dy = before.get(key) - node.getBoundingClientRect().top;
      if (Math.abs(dy) > 1) node.animate([{ transform: `translateY(${dy}px)` }, { transform: 'none' }], { duration: 240, easing: 'cubic-bezier(.2,.7,.2,1)' });
    }
  }

  function newHit(name, key) {
    const node = $('hit').content.firstElementChild.cloneNode(true);
    node.dataset.key = key;
    node.dataset.list = name;
    return node;
  }

  function write(node, name, hit, scale) {
    const part = (selector) => node.querySelector(selector);
    part('.rank').textContent = hit.rank;
    const title = part('.name');
    title.textContent = hit.title || hit.id;
    title.lang = hit.lang;
    const text = part('.text');
    if (text.textContent !== hit.text) text.textContent = hit.text;
    text.lang = hit.lang;
    part('.id').textContent = hit.title ? hit.id : '';
    part('.tongue').textContent = response.langs ? nameOf(hit.lang) : '';
    part('.part').textContent = hit.chunks > 1 ? say('part', { n: hit.chunk + 1, of: hit.chunks }) : '';
    part('.score').textContent = cosine(hit.score);
    part('.cosine.source').textContent = cosine(hit.source);
    part('.cosine.anchor').textContent = hit.anchor === null ? '–' : cosine(hit.anchor);
    part('.sign.anchor').hidden = hit.anchor === null;
    if (hit.anchor === null) part('.cosine.anchor').textContent = '';
    part('.hubness').hidden = hit.hub === undefined;
    part('.hub').textContent = (hubOf(hit) < 0 ? '+ ' : '− ') + cosine(Math.abs(hubOf(hit)));
    showMetadata(part('.metadata'), hit.metadata || {});
    if (name === 'fused') {
      showMoved(part('.moved'), hit);
      showDumbbell(part('.dumbbell'), hit, scale);
    }
    const more = part('.more');
    more.setAttribute('aria-expanded', String(node.classList.contains('whole')));
    more.textContent = say(node.classList.contains('whole') ? 'less' : 'more');
  }

  function showMetadata(list, metadata) {
    list.replaceChildren(...Object.keys(metadata).sort().flatMap((key) => {
      const dt = document.createElement('dt');
      const dd = document.createElement('dd');
      const value = metadata[key];
      dt.textContent = key;
      dd.textContent = typeof value === 'string' ? value : JSON.stringify(value);
      dd.dir = 'auto';
      return [dt, dd];
    }));
  }

  // showMoved says how a hit moved from the ranking of the user's words.
  function showMoved(place, hit) {
    place.replaceChildren();
    place.className = 'moved script';
    if (!response.compare) return;
    const from = response.compare.source.findIndex((other) => keyOf(other) === keyOf(hit)) + 1;
    const n = Math.abs(from - hit.rank);
    const kind = !from ? 'new' : from > hit.rank ? 'up' : from < hit.rank ? 'down' : 'same';
    const sign = document.createElement('b');
    sign.setAttribute('aria-hidden', 'true');
    sign.textContent = { new: '+', up: '▲', down: '▼', same: '=' }[kind];
    const steps = document.createElement('b');
    steps.className = 'steps';
    steps.setAttribute('aria-hidden', 'true');
    steps.textContent = kind === 'up' || kind === 'down' ? n : '';
    const how = document.createElement('span');
    how.className = 'how';
    how.textContent = say(kind, { n, from, k: response.compare.source.length });
    place.classList.add(kind);
    place.append(sign, steps, ' ', how);
    place.title = how.textContent;
  }

  function showDumbbell(picture, hit, scale) {
    const paired = hit.anchor !== null;
    const anchor = paired ? hit.anchor : hit.source;
    for (const selector of ['.at.anchor', '.span']) picture.querySelector(selector).style.display = paired ? '' : 'none';
    const place = (selector, values) => {
      for (const [attribute, x] of Object.entries(values)) picture.querySelector(selector).setAttribute(attribute, scale.at(x));
    };
    place('.span', { x1: hit.source, x2: anchor });
    place('.at.source', { cx: hit.source });
    place('.at.anchor', { x: anchor });
    place('.at.fused', { x1: hit.score, x2: hit.score });
  }

  // Lines between the places that a document has in neighbouring columns.
  function draw() {
    const holder = $('lists');
    let links = $('links');
    if (state.view !== 'columns' || !response?.compare || !wide.matches) {
      links?.remove();
      return;
    }
    if (!links) {
      links = document.createElementNS(svg, 'svg');
      links.id = 'links';
      links.setAttribute('aria-hidden', 'true');
      holder.append(links);
    }
    const origin = holder.getBoundingClientRect();
    const paths = [];
    for (const [left, right] of [['source', 'fused'], ['fused', 'anchor']]) {
      for (const [key, node] of nodes[left]) {
        const other = nodes[right].get(key);
        if (!other) continue;
        const a = edge(node);
        const b = edge(other);
        const path = document.createElementNS(svg, 'path');
        const x1 = a.right - origin.left;
        const x2 = b.left - origin.left;
        const y1 = a.top + 22 - origin.top;
        const y2 = b.top + 22 - origin.top;
        const bend = (x2 - x1) / 2;
        path.setAttribute('d', `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`);
        path.classList.toggle('moved', Math.abs(y1 - y2) > 4);
        path.dataset.key = key;
        paths.push(path);
      }
    }
    links.replaceChildren(...paths);
  }

  // edge is where a node lies once it has come to rest.
  function edge(node) {
    const box = node.getBoundingClientRect();
    for (const animation of node.getAnimations()) {
      const frame = animation.effect.getKeyframes()[0];
      const moved = /translateY\((-?[\d.]+)px\)/.exec(frame.transform || '');
      if (moved) {
        const rest = node.parentElement.getBoundingClientRect().top + node.offsetTop - node.parentElement.offsetTop;
        return { left: box.left, right: box.right, top: rest };
      }
    }
    return box;
  }

  function showTabs(there) {
    const tabs = $('tabs');
    if (!there) {
      tabs.replaceChildren();
      return;
    }
    tabs.replaceChildren(...LISTS.map((name) => {
      const button = document.createElement('button');
      button.type = 'button';
      const sign = document.createElement('i');
      sign.className = 'sign ' + name;
      button.append(sign, say(name));
      button.setAttribute('aria-pressed', String(name === column));
      button.addEventListener('click', () => {
        column = name;
        for (const list of LISTS) columns[list]?.classList.toggle('shown', list === column);
        for (const [i, other] of [...tabs.children].entries()) other.setAttribute('aria-pressed', String(LISTS[i] === column));
      });
      return button;
    }));
  }

  let saying = 0;
  function announce(hits, wait) {
    clearTimeout(saying);
    saying = setTimeout(() => {
      if (!hits.length) return;
      $('said').textContent = say('said', {
        results: say('results', { n: hits.length }),
        proof: response.certified ? say('proven', { n: hits.length }) : '',
        first: hits[0].title || hits[0].id,
      });
    }, wait);
  }

  // ---- What the user does. ----

  function submit(changes) {
    const before = address(state);
    state = { ...state, filter: $('filter').value.trim(), ...changes };
    if (address(state) !== before || !location.search) history.pushState(null, '', address(state));
    fillForm();
    ask();
  }

  $('ask').addEventListener('submit', (event) => {
    event.preventDefault();
    const q = $('q').value;
    if (!q.trim()) return;
    // Another question has another translation, and another λ where none was
    // chosen.
    const fresh = q !== state.q || !response;
    if (fresh) own = false;
    submit({ q, ...(fresh && q !== state.q ? { anchor: '' } : {}) });
  });

  for (const [id, read] of [['lang', String], ['k', Number], ['corpus', String]]) {
    $(id).addEventListener('change', () => {
      const changes = { [id]: read($(id).value) };
      const q = $('q').value;
      if (q.trim() && q !== state.q) Object.assign(changes, { q, anchor: '' });
      if (id === 'corpus') changes.lang = 'auto';
      submit(changes);
    });
  }

  for (const radio of document.getElementsByName('view')) {
    radio.addEventListener('change', () => {
      state.view = radio.value;
      history.replaceState(null, '', address(state));
      if (!response) return;
      showLists(shownHits(), shownLambda());
    });
  }

  // What the slider shows, where it is ahead of the server.
  let previewed = null;
  let dragging = false;
  let waiting = 0;
  const shownLambda = () => (previewed === null ? response.lambda : previewed);
  const shownHits = () => (previewed === null ? response.hits : fuse(known.values(), previewed, state.k));

  $('mix').addEventListener('input', () => {
    if (!weighable()) return;
    dragging = true;
    clearTimeout(waiting);
    if (asking) {
      asking.abort();
      asking = null;
      busy(false);
    }
    previewed = Math.round(100 * (1 - Number($('mix').value))) / 100;
    state.lambda = previewed;
    showMix(previewed);
    showLists(shownHits(), previewed);
    showVerdict('preview');
  });

  $('mix').addEventListener('change', () => {
    if (!weighable() || previewed === null) return;
    history.replaceState(null, '', address(state));
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      dragging = false;
      showVerdict('asking');
      settle(ask({ quiet: true }));
    }, 250);
  });

  function settle(done) {
    const at = previewed;
    done.finally(() => { if (previewed === at && !asking) previewed = null; });
  }

  $('automatic').addEventListener('click', () => {
    previewed = null;
    dragging = false;
    state.lambda = null;
    history.replaceState(null, '', address(state));
    ask();
    $('mix').focus();
  });

  const field = $('translation');
  field.addEventListener('input', () => {
    own = Boolean(response) && field.value !== response.anchor.text;
    $('own').hidden = !own;
    $('edit').hidden = $('author').hidden = own;
    grow();
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      translate(field.value.trim());
    }
    if (event.key === 'Escape' && own) {
      own = false;
      showWeigh();
    }
  });
  $('own').addEventListener('click', () => translate(field.value.trim()));
  $('back').addEventListener('click', () => translate(''));

  function translate(text) {
    own = false;
    previewed = null;
    submit({ anchor: text });
  }

  $('retry').addEventListener('click', () => ask());

  $('tokenform').addEventListener('submit', (event) => {
    event.preventDefault();
    sessionStorage.setItem('token', $('secret').value);
    $('secret').value = '';
    $('token').hidden = true;
    ask();
  });

  addEventListener('popstate', () => {
    state = fromAddress();
    own = false;
    previewed = null;
    fillForm();
    if (state.q) ask({ back: true });
    else location.reload();
  });

  // ---- Keys, and what is near the pointer. ----

  document.addEventListener('keydown', (event) => {
    const target = event.target;
    const typing = target.closest('input:not([type="range"]), textarea, select');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      $('q').focus();
      $('q').select();
      return;
    }
    if (target === $('q') && event.key === 'ArrowDown' && response && response.hits.length) {
      event.preventDefault();
      (state.view === 'columns' && !wide.matches ? nodes[column] : nodes.fused).values().next().value?.focus();
      return;
    }
    if (!target.classList.contains('hit')) return;
    const to = {
      ArrowDown: () => target.nextElementSibling,
      ArrowUp: () => target.previousElementSibling || $('q'),
      Home: () => target.parentElement.firstElementChild,
      End: () => target.parentElement.lastElementChild,
      ArrowLeft: () => beside(target, -1),
      ArrowRight: () => beside(target, 1),
    }[event.key];
    if (to) {
      event.preventDefault();
      to()?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      toggle(target);
    }
  });

  // beside is the same document in the next column, or else its place there.
  function beside(node, step) {
    const name = LISTS[LISTS.indexOf(node.dataset.list) + step];
    if (!name || state.view !== 'columns' || !wide.matches) return null;
    const place = [...node.parentElement.children].indexOf(node);
    return nodes[name].get(node.dataset.key) || [...nodes[name].values()][place];
  }

  function toggle(node) {
    node.classList.toggle('whole');
    node.querySelector('.metadata').hidden = !node.classList.contains('whole') || !node.querySelector('.metadata').children.length;
    const more = node.querySelector('.more');
    if (node.classList.contains('whole')) more.hidden = false;
    more.setAttribute('aria-expanded', String(node.classList.contains('whole')));
    more.textContent = say(node.classList.contains('whole') ? 'less' : 'more');
    requestAnimationFrame(draw);
  }

  $('lists').addEventListener('click', (event) => {
    const more = event.target.closest('.more');
    if (more) toggle(more.closest('.hit'));
  });

  function near(node, yes) {
    if (state.view !== 'columns') return;
    for (const other of $('lists').querySelectorAll('.near')) other.classList.remove('near');
    if (!yes || !node) return;
    for (const name of LISTS) nodes[name].get(node.dataset.key)?.classList.add('near');
    for (const path of $('links')?.children || []) path.classList.toggle('near', path.dataset.key === node.dataset.key);
  }
  for (const [kind, yes] of [['mouseover', true], ['focusin', true], ['mouseout', false], ['focusout', false]]) {
    $('lists').addEventListener(kind, (event) => near(event.target.closest('.hit'), yes));
  }
  new ResizeObserver(() => draw()).observe($('lists'));

  // ---- The beginning. ----

  const pending = $('waiting');
  pending?.remove();
  if (response) {
    const first = response;
    response = null;
    // What the server rendered gives way to what the script keeps.
    $('lists').replaceChildren();
    answers.set(body(), first);
    take(first, false);
  }
  $('retry').hidden = $('notice').hidden || !state.q;
})();
