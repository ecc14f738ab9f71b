// The HTTP parser against llhttp: what the two read differently lets one smuggle a request past the other.
import { agreeOnRequests, agreeOnResponse, REQUESTS, RESPONSES } from '../../helpers/http-agreement.ts';
import { pick } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { HTTP_WORDS } from '../words.ts';

export const HTTP: readonly Subject[] = [
	{
		name: 'http-request',
		seeds: REQUESTS,
		words: HTTP_WORDS,
		limitBytes: 16_384,
		start: () => ({ try: async (bytes) => `${await agreeOnRequests(bytes)}` }),
	},
	{
		name: 'http-response',
		seeds: RESPONSES,
		words: HTTP_WORDS,
		limitBytes: 16_384,
		start: () => ({
			try: async (bytes, roll) => `${await agreeOnResponse(bytes, pick(roll, ['GET', 'HEAD', 'POST']))}`,
		}),
	},
];
